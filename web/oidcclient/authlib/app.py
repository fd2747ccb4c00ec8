"""An app with PyPI's Authlib. The test is its person: where the app sends a browser it prints
{"open": URL} and reads from its standard input where the browser ended. Each thing that it did
is a line {"done": NAME, ...}; the first line that it reads says who it is."""

import json
import sys

from authlib.integrations.base_client import BaseApp
from authlib.integrations.base_client.sync_app import OAuth2Mixin
from authlib.integrations.base_client.sync_openid import OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session, OAuthError

SETTINGS = json.loads(sys.stdin.readline())
SCOPE = "openid profile email offline_access"


class App(OAuth2Mixin, OpenIDMixin, BaseApp):
    """What Authlib gives Flask and Django, without either."""

    client_cls = OAuth2Session

    def _on_update_token(self, token, refresh_token=None, access_token=None):
        """A framework would keep it in the browser's session."""


app = App(
    framework=None,
    client_id=SETTINGS["client_id"],
    client_secret=SETTINGS["client_secret"],
    server_metadata_url=SETTINGS["issuer"] + "/.well-known/openid-configuration",
    client_kwargs={"scope": SCOPE, "code_challenge_method": "S256"},
)


def say(**what):
    print(json.dumps(what), flush=True)


def browse(url):
    say(open=url)
    return json.loads(sys.stdin.readline())


def refused(call):
    try:
        call()
    except OAuthError as fault:
        return fault.error
    return "none"


def sign_in():
    visit = app.create_authorization_url(redirect_uri=SETTINGS["redirect_uri"], prompt="consent")
    back = browse(visit["url"])
    token = app.fetch_access_token(
        redirect_uri=SETTINGS["redirect_uri"],
        authorization_response=back,
        state=visit["state"],
        code_verifier=visit["code_verifier"],
    )
    return token, app.parse_id_token(token, nonce=visit["nonce"])


metadata = app.load_server_metadata()
say(done="discovery", issuer=metadata["issuer"])

token, person = sign_in()
say(done="sign-in", sub=person["sub"], aud=person["aud"])
info = app.userinfo(token=token)
say(done="userinfo", sub=info["sub"], email=info["email"])

with app._get_oauth_client(**metadata) as client:
    refreshed = client.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
    say(
        done="refresh",
        rotated=refreshed["refresh_token"] != token["refresh_token"],
        again=app.userinfo(token=refreshed)["sub"],
    )
    told = client.introspect_token(metadata["introspection_endpoint"], token=refreshed["access_token"]).json()
    say(done="introspection", active=told["active"], client_id=told["client_id"])
    replay = refused(lambda: client.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"]))
    told = client.introspect_token(metadata["introspection_endpoint"], token=refreshed["access_token"]).json()
    say(done="replay", refused=replay, active=told["active"])

token, _ = sign_in()
with app._get_oauth_client(**metadata) as client:
    answer = client.revoke_token(metadata["revocation_endpoint"], token=token["refresh_token"])
    told = client.introspect_token(metadata["introspection_endpoint"], token=token["access_token"]).json()
    say(done="revocation", status=answer.status_code, active=told["active"])

token, _ = sign_in()
visit = app.create_logout_url(
    post_logout_redirect_uri=SETTINGS["post_logout_redirect_uri"], id_token_hint=token["id_token"]
)
back = browse(visit["url"])
say(done="logout", back=back, state=visit["state"])
