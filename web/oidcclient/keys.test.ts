import { decodeProtectedHeader } from "jose";
import * as oidc from "openid-client";
import { beforeAll, describe, expect, test } from "vitest";
import { App, key, refusal, type Tokens } from "./app";
import { Browser } from "./browser";
import { CALLBACK, newAccount, type Account, type ClientMetadata } from "./target";

let ada: Account;
beforeAll(async () => {
  ada = await newAccount();
});

/** An app that proves itself with a key of its own. */
async function keyed(metadata: ClientMetadata = {}, alg = "ES256"): Promise<App & { privateKey: CryptoKey }> {
  const { privateKey, jwk } = await key(alg);
  const auth = oidc.PrivateKeyJwt({ key: privateKey, kid: "app" });
  const made = await App.make({ token_endpoint_auth_method: "private_key_jwt", token_endpoint_auth_signing_alg: alg, jwks: { keys: [jwk] }, ...metadata }, auth);
  return Object.assign(made, { privateKey });
}

/** Signs in by a request that was pushed. */
async function pushed(app: App, browser: Browser, options: { DPoP?: oidc.DPoPHandle; scope?: string } = {}): Promise<Tokens> {
  const { DPoP, scope = "openid email" } = options;
  const { parameters, ...kept } = await app.parameters({ scope, ...(scope.includes("offline") ? { prompt: "consent" } : {}) });
  const url = await oidc.buildAuthorizationUrlWithPAR(app.config, parameters, DPoP ? { DPoP } : undefined);
  expect([...url.searchParams.keys()].sort()).toEqual(["client_id", "request_uri"]);
  const back = await browser.walk(url, { as: ada, consent: "accept" });
  return app.redeem({ url, ...kept }, back, DPoP ? { DPoP } : {});
}

describe("private_key_jwt", () => {
  // The library signs with Ed25519 by the name of RFC 9864.
  test.each(["ES256", "Ed25519", "RS256"])("a client proves itself with a key for %s", async (alg) => {
    const app = await keyed({}, alg);
    const tokens = await app.signIn(new Browser(), ada, { scope: "openid offline_access", prompt: "consent" });
    const next = await oidc.refreshTokenGrant(app.config, tokens.refresh_token ?? "");
    expect(next.access_token).toBeTruthy();
  });

  test("another key is refused", async () => {
    const app = await keyed();
    const other = await App.configured(app.client, {}, oidc.PrivateKeyJwt({ key: (await key()).privateKey, kid: "app" }));
    expect(await refusal(oidc.clientCredentialsGrant(other))).toBe("401 invalid_client");
  });
});

describe("pushed requests", () => {
  test("a pushed request signs in, by its name alone", async () => {
    const app = await App.make();
    expect((await pushed(app, new Browser())).claims()?.aud).toBe(app.client.client_id);
  });

  test("a client that must push cannot do without", async () => {
    const app = await App.make({ require_pushed_authorization_requests: true });
    expect((await pushed(app, new Browser())).access_token).toBeTruthy();
    const visit = await app.visit();
    const stop = await new Browser().walk(visit.url, { as: ada, consent: "accept" });
    expect(stop.left?.searchParams.get("error") ?? stop.page?.words("#error")).toContain("invalid_request");
  });
});

describe("signed requests", () => {
  test("a request object by value, signed with the client's key, signs in", async () => {
    const app = await keyed({ request_object_signing_alg: "ES256" });
    const { parameters, ...kept } = await app.parameters();
    const url = await oidc.buildAuthorizationUrlWithJAR(app.config, parameters, { key: app.privateKey, kid: "app" });
    expect([...url.searchParams.keys()].sort()).toEqual(["client_id", "request"]);
    const back = await new Browser().walk(url, { as: ada, consent: "accept" });
    expect((await app.redeem({ url, ...kept }, back)).claims()?.nonce).toBe(kept.nonce);
  });

  test("one that another key signed signs nobody in", async () => {
    const app = await keyed({ request_object_signing_alg: "ES256" });
    const { parameters } = await app.parameters();
    const url = await oidc.buildAuthorizationUrlWithJAR(app.config, parameters, { key: (await key()).privateKey, kid: "app" });
    const stop = await new Browser().walk(url, { as: ada, consent: "accept" });
    expect(stop.left?.searchParams.get("code") ?? null).toBeNull();
    expect(stop.left?.searchParams.get("error") ?? stop.page?.words("#error")).toContain("invalid_request_object");
  });
});

describe("DPoP", () => {
  test("tokens are bound to a key: they work with it, as Bearer or with another they do not", async () => {
    const app = await App.make({ dpop_bound_access_tokens: true });
    const DPoP = oidc.getDPoPHandle(app.config, await oidc.randomDPoPKeyPair("ES256"));
    const visit = await app.visit({ scope: "openid email offline_access", prompt: "consent" });
    const tokens = await app.redeem(visit, await new Browser().walk(visit.url, { as: ada, consent: "accept" }), { DPoP });
    expect(tokens.token_type).toBe("dpop");
    const ask = (handle?: oidc.DPoPHandle, token = tokens.access_token): Promise<unknown> =>
      oidc.fetchUserInfo(app.config, token, oidc.skipSubjectCheck, handle ? { DPoP: handle } : undefined);
    expect(await ask(DPoP)).toMatchObject({ email: ada.email });
    const stranger = oidc.getDPoPHandle(app.config, await oidc.randomDPoPKeyPair("ES256"));
    expect(await refusal(ask(stranger))).toMatch(/^401 invalid_(token|dpop_proof)$/);
    expect(await refusal(ask())).toBe("401 invalid_token");
    const next = await oidc.refreshTokenGrant(app.config, tokens.refresh_token ?? "", undefined, { DPoP });
    expect(await ask(DPoP, next.access_token)).toMatchObject({ email: ada.email });
  });

  test("a client whose tokens must be bound gets none without a proof", async () => {
    const app = await App.make({ dpop_bound_access_tokens: true });
    const visit = await app.visit();
    const back = await new Browser().walk(visit.url, { as: ada, consent: "accept" });
    expect(await refusal(app.redeem(visit, back))).toMatch(/^400 invalid_(request|dpop_proof|grant)$/);
  });
});

describe("a client in the manner of FAPI 2.0", () => {
  const FAPI: ClientMetadata = { fapi: true, require_pushed_authorization_requests: true, dpop_bound_access_tokens: true, id_token_signed_response_alg: "ES256" };

  test("pushes, proves itself by key, binds its tokens, and refreshes", async () => {
    const app = await keyed(FAPI);
    const DPoP = oidc.getDPoPHandle(app.config, await oidc.randomDPoPKeyPair("ES256"));
    const tokens = await pushed(app, new Browser(), { DPoP, scope: "openid email offline_access" });
    expect(decodeProtectedHeader(tokens.id_token ?? "").alg).toBe("ES256");
    expect(await oidc.fetchUserInfo(app.config, tokens.access_token, tokens.claims()?.sub ?? "", { DPoP })).toMatchObject({ email: ada.email });
    expect((await oidc.refreshTokenGrant(app.config, tokens.refresh_token ?? "", undefined, { DPoP })).token_type).toBe("dpop");
  });

  test("its assertion must be for the issuer alone", async () => {
    const app = await keyed(FAPI);
    for (const aud of [[app.config.serverMetadata().issuer, "https://other.example"], app.config.serverMetadata().token_endpoint]) {
      const auth = oidc.PrivateKeyJwt({ key: app.privateKey, kid: "app" }, { [oidc.modifyAssertion]: (_header, payload) => void (payload["aud"] = aud) });
      const wrong = await App.configured(app.client, {}, auth);
      const { parameters } = await app.parameters();
      expect(await refusal(oidc.buildAuthorizationUrlWithPAR(wrong, parameters))).toBe("401 invalid_client");
    }
  });
});

describe("ID tokens", () => {
  test.each(["RS256", "ES256", "EdDSA"])("are signed with %s for a client that asks for it", async (alg) => {
    const app = await App.make({ id_token_signed_response_alg: alg });
    // Without a look at the keys the library would trust TLS, which is not there.
    oidc.enableNonRepudiationChecks(app.config);
    const tokens = await app.signIn(new Browser(), ada, { redirect_uri: CALLBACK });
    expect(decodeProtectedHeader(tokens.id_token ?? "")).toMatchObject({ alg, kid: expect.any(String) });
  });
});
