import * as oauth from "oauth4webapi";
import { beforeAll, describe, expect, test } from "vitest";
import { arrival, key } from "./app";
import { Browser } from "./browser";
import { oursAlone } from "./differs";
import { API, BASE, CALLBACK, EVERYDAY, ISSUER, createClient, newAccount, registrable, type Account, type ClientMetadata } from "./target";

/** The tests are on loopback, without TLS. */
const PLAIN = { [oauth.allowInsecureRequests]: true };
const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";

let server: oauth.AuthorizationServer;
let ada: Account;
beforeAll(async () => {
  server = await oauth.processDiscoveryResponse(new URL(ISSUER), await oauth.discoveryRequest(new URL(ISSUER), PLAIN));
  ada = await newAccount();
});

/** A client and how it proves itself, which this library wants apart. */
class App {
  readonly client: oauth.Client;
  readonly auth: oauth.ClientAuth;

  private constructor(client: oauth.Client, auth: oauth.ClientAuth) {
    this.client = client;
    this.auth = auth;
  }

  /** Registered by the library where anybody may, else made by the operator. */
  static async make(metadata: ClientMetadata = {}, auth?: oauth.ClientAuth): Promise<App> {
    const { client_id, client_secret = "none" } = registrable(metadata) ? await App.#registered(metadata) : await createClient(metadata);
    const method = metadata.token_endpoint_auth_method;
    const plain = method === "none" ? oauth.None() : method === "client_secret_post" ? oauth.ClientSecretPost(client_secret) : oauth.ClientSecretBasic(client_secret);
    return new App({ client_id }, auth ?? plain);
  }

  static async #registered(metadata: ClientMetadata): Promise<{ client_id: string; client_secret?: string }> {
    const answer = await oauth.dynamicClientRegistrationRequest(server, { ...EVERYDAY, ...metadata } as Partial<oauth.Client>, PLAIN);
    return (await oauth.processDynamicClientRegistrationResponse(answer)) as { client_id: string; client_secret?: string };
  }

  /** A visit up to the code, and what is checked when it comes back. */
  async visit(browser: Browser, more: Record<string, string> = {}, push?: { DPoP?: oauth.DPoPHandle }) {
    const [verifier, state, nonce] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState(), oauth.generateRandomNonce()];
    const wanted = new URLSearchParams({
      client_id: this.client.client_id,
      redirect_uri: CALLBACK,
      response_type: "code",
      scope: "openid email",
      state,
      nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      ...more,
    });
    const url = new URL(server.authorization_endpoint ?? "");
    url.search = (push ? await this.#push(wanted, push) : wanted).toString();
    const back = arrival(await browser.walk(url, { as: ada, consent: "accept" })) as URL;
    const code = oauth.validateAuthResponse(server, this.client, back, state);
    return { code, verifier, nonce };
  }

  async #push(wanted: URLSearchParams, push: { DPoP?: oauth.DPoPHandle }): Promise<URLSearchParams> {
    const answer = await oauth.pushedAuthorizationRequest(server, this.client, this.auth, wanted, { ...PLAIN, ...push });
    const { request_uri, expires_in } = await oauth.processPushedAuthorizationResponse(server, this.client, answer);
    expect(expires_in).toBeLessThanOrEqual(600);
    return new URLSearchParams({ client_id: this.client.client_id, request_uri });
  }

  async redeem({ code, verifier, nonce }: { code: URLSearchParams; verifier: string; nonce: string }, with_: { DPoP?: oauth.DPoPHandle } = {}) {
    const answer = await oauth.authorizationCodeGrantRequest(server, this.client, this.auth, code, CALLBACK, verifier, { ...PLAIN, ...with_ });
    const tokens = await oauth.processAuthorizationCodeResponse(server, this.client, answer, { expectedNonce: nonce, requireIdToken: true });
    await oauth.validateApplicationLevelSignature(server, answer, PLAIN);
    return tokens;
  }

  async signIn(browser = new Browser(), more: Record<string, string> = {}) {
    return this.redeem(await this.visit(browser, more));
  }

  async userInfo(tokens: oauth.TokenEndpointResponse, with_: { DPoP?: oauth.DPoPHandle } = {}) {
    const sub = oauth.getValidatedIdTokenClaims(tokens)?.sub ?? oauth.skipSubjectCheck;
    return oauth.processUserInfoResponse(server, this.client, sub, await oauth.userInfoRequest(server, this.client, tokens.access_token, { ...PLAIN, ...with_ }));
  }

  async refresh(token = "", with_: { DPoP?: oauth.DPoPHandle } = {}) {
    return oauth.processRefreshTokenResponse(server, this.client, await oauth.refreshTokenGrantRequest(server, this.client, this.auth, token, { ...PLAIN, ...with_ }));
  }

  async introspect(token: string) {
    return oauth.processIntrospectionResponse(server, this.client, await oauth.introspectionRequest(server, this.client, this.auth, token, PLAIN));
  }

  async revoke(token: string) {
    return oauth.processRevocationResponse(await oauth.revocationRequest(server, this.client, this.auth, token, PLAIN));
  }
}

const OFFLINE = { scope: "openid email offline_access", prompt: "consent" };
const refused = (asked: Promise<unknown>): Promise<string> =>
  asked.then(() => "none", (fault: { error?: string; cause?: { parameters?: { error?: string } }[] }) => fault.error ?? fault.cause?.[0]?.parameters?.error ?? String(fault));

describe("discovery", () => {
  test("the document of RFC 8414 says the same as that of OpenID Connect", async () => {
    const other = await oauth.processDiscoveryResponse(new URL(ISSUER), await oauth.discoveryRequest(new URL(ISSUER), { ...PLAIN, algorithm: "oauth2" }));
    expect(other).toEqual(server);
    expect(server.authorization_response_iss_parameter_supported).toBe(true);
  });
});

describe("the code flow", () => {
  test.each(["client_secret_basic", "client_secret_post", "none"])("signs in a client with %s, its ID token's signature checked", async (method) => {
    const app = await App.make({ token_endpoint_auth_method: method });
    const tokens = await app.signIn();
    expect(oauth.getValidatedIdTokenClaims(tokens)).toMatchObject({ iss: ISSUER, aud: app.client.client_id, auth_time: expect.any(Number) });
    expect(await app.userInfo(tokens)).toMatchObject({ email: ada.email });
  });

  /** Attack D11. */
  test("a wrong secret is refused before the code is looked at, which stays good", async () => {
    const app = await App.make();
    const visit = await app.visit(new Browser());
    const wrong = oauth.authorizationCodeGrantRequest(server, app.client, oauth.ClientSecretBasic("wrong"), visit.code, CALLBACK, visit.verifier, PLAIN);
    expect(await refused(wrong.then((answer) => oauth.processAuthorizationCodeResponse(server, app.client, answer)))).toMatch(/invalid_client|challenge/i);
    expect((await app.redeem(visit)).access_token).toBeTruthy();
  });

  /** Attack D4. */
  test("another client's code, or another redirect_uri, is refused", async () => {
    const [app, other] = [await App.make(), await App.make()];
    const visit = await app.visit(new Browser());
    expect(await refused(other.redeem(visit))).toBe("invalid_grant");
    const again = await app.visit(new Browser());
    const elsewhere = oauth.authorizationCodeGrantRequest(server, app.client, app.auth, again.code, `${CALLBACK}/`, again.verifier, PLAIN);
    expect(await refused(elsewhere.then((answer) => oauth.processAuthorizationCodeResponse(server, app.client, answer)))).toBe("invalid_grant");
  });
});

describe("tokens", () => {
  test("refresh rotates, introspection tells, revocation ends", async () => {
    const app = await App.make();
    const tokens = await app.signIn(new Browser(), OFFLINE);
    const next = await app.refresh(tokens.refresh_token);
    expect(next.refresh_token).not.toBe(tokens.refresh_token);
    expect(await app.introspect(next.access_token)).toMatchObject({ active: true, client_id: app.client.client_id });
    await app.revoke(next.refresh_token ?? "");
    expect(await app.introspect(next.access_token)).toEqual({ active: false });
    expect(await refused(app.refresh(next.refresh_token))).toBe("invalid_grant");
  });

  test("client_credentials: a token without a person", async () => {
    const app = await App.make({ grant_types: ["client_credentials"], redirect_uris: [], response_types: [], post_logout_redirect_uris: [], scope: "tutor", client_credentials_scopes: ["tutor"] });
    const answer = await oauth.clientCredentialsGrantRequest(server, app.client, app.auth, { scope: "tutor", resource: API }, PLAIN);
    const tokens = await oauth.processClientCredentialsResponse(server, app.client, answer);
    const request = new Request(API, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    expect(await oauth.validateJwtAccessToken(server, request, API, PLAIN)).toMatchObject({ sub: app.client.client_id, client_id: app.client.client_id });
  });

  oursAlone("every access token is a JWT as RFC 9068 has it", "the peer's are opaque without a resource", async () => {
    const app = await App.make({ scope: "openid tutor" });
    const tokens = await app.signIn(new Browser(), { scope: "openid tutor" });
    const request = new Request(API, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    const claims = await oauth.validateJwtAccessToken(server, request, API, PLAIN);
    expect(claims).toMatchObject({ client_id: app.client.client_id, sub: oauth.getValidatedIdTokenClaims(tokens)?.sub, sid: expect.any(String), role: "student" });
    expect(claims.exp - claims.iat).toBe(21_600);
  });

  oursAlone("an app's token with scope tutor reads the API as its person, one without does not", "there is no API behind the peer", async () => {
    const app = await App.make({ scope: "openid tutor" });
    const [reader, stranger] = [await app.signIn(new Browser(), { scope: "openid tutor" }), await app.signIn(new Browser(), { scope: "openid" })];
    const courses = async ({ access_token }: { access_token: string }): Promise<number> => (await fetch(`${BASE}/api/v1/threads`, { headers: { authorization: `Bearer ${access_token}` } })).status;
    expect([await courses(reader), await courses(stranger)]).toEqual([200, 401]);
    await app.revoke(reader.access_token);
    expect(await courses(reader)).toBe(401);
  });

  test("the device flow", async () => {
    const app = await App.make({ grant_types: [DEVICE], redirect_uris: [], response_types: [], post_logout_redirect_uris: [], token_endpoint_auth_method: "none" });
    const started = await oauth.processDeviceAuthorizationResponse(server, app.client, await oauth.deviceAuthorizationRequest(server, app.client, app.auth, { scope: "openid email" }, PLAIN));
    await new Browser().walk(started.verification_uri_complete ?? started.verification_uri, { as: ada, consent: "accept", userCode: started.user_code });
    const answer = await oauth.deviceCodeGrantRequest(server, app.client, app.auth, started.device_code, PLAIN);
    const tokens = await oauth.processDeviceCodeResponse(server, app.client, answer);
    expect(await app.userInfo(tokens)).toMatchObject({ email: ada.email });
  });
});

describe("a client with a key", () => {
  test("pushes its request, proves itself, binds its tokens by DPoP", async () => {
    const { privateKey, jwk } = await key();
    const metadata = { token_endpoint_auth_method: "private_key_jwt", token_endpoint_auth_signing_alg: "ES256", jwks: { keys: [jwk] }, dpop_bound_access_tokens: true, require_pushed_authorization_requests: true };
    const app = await App.make(metadata, oauth.PrivateKeyJwt({ key: privateKey, kid: "app" }));
    const DPoP = oauth.DPoP(app.client, await oauth.generateKeyPair("ES256"));
    const tokens = await app.redeem(await app.visit(new Browser(), OFFLINE, { DPoP }), { DPoP });
    expect(tokens.token_type).toBe("dpop");
    expect(await app.userInfo(tokens, { DPoP })).toMatchObject({ email: ada.email });
    expect(await refused(app.userInfo(tokens))).toBe("invalid_token");
    const next = await app.refresh(tokens.refresh_token, { DPoP });
    expect(await app.userInfo(next, { DPoP })).toMatchObject({ email: ada.email });
  });
});
