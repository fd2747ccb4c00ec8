import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import * as oidc from "openid-client";
import { beforeAll, describe, expect, test } from "vitest";
import { App, refusal, type Tokens } from "./app";
import { Browser } from "./browser";
import { oursAlone } from "./differs";
import { API, ISSUER, PEER, newAccount, type Account } from "./target";

const OFFLINE = { scope: "openid email offline_access", prompt: "consent" };

let ada: Account;
let app: App;
beforeAll(async () => {
  ada = await newAccount();
  app = await App.make();
});

const userInfo = (tokens: { access_token: string }): Promise<unknown> => oidc.fetchUserInfo(app.config, tokens.access_token, oidc.skipSubjectCheck);
const refresh = (token: string | undefined, more?: Record<string, string>, by = app): Promise<Tokens> => oidc.refreshTokenGrant(by.config, token ?? "", more) as Promise<Tokens>;

describe("refresh", () => {
  test("a refresh token is given for offline_access alone, works once, and brings the next", async () => {
    const first = await app.signIn(new Browser(), ada, OFFLINE);
    const second = await refresh(first.refresh_token);
    expect(second.refresh_token).toBeTruthy();
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect(second.access_token).not.toBe(first.access_token);
    expect(second.claims()).toMatchObject({ sub: first.claims()?.sub, aud: first.claims()?.aud, auth_time: first.claims()?.auth_time });
    await userInfo(second);
    const third = await refresh(second.refresh_token);
    await userInfo(third);
  });

  /** Attack D5. */
  test("a used refresh token is refused, and takes all that came of it along", async () => {
    const first = await app.signIn(new Browser(), ada, OFFLINE);
    const second = await refresh(first.refresh_token);
    expect(await refusal(refresh(first.refresh_token))).toBe("400 invalid_grant");
    expect(await refusal(refresh(second.refresh_token))).toBe("400 invalid_grant");
    expect(await refusal(userInfo(second))).toBe("401 invalid_token");
  });

  /** Attack D5. */
  test("another client's refresh token, or more scope than was granted, is refused", async () => {
    const tokens = await app.signIn(new Browser(), ada, OFFLINE);
    const other = await App.make();
    expect(await refusal(refresh(tokens.refresh_token, undefined, other))).toBe("400 invalid_grant");
    const fresh = await app.signIn(new Browser(), ada, OFFLINE);
    expect(await refusal(refresh(fresh.refresh_token, { scope: "openid email profile offline_access" }))).toBe("400 invalid_scope");
  });

  test("less scope can be asked for", async () => {
    const tokens = await app.signIn(new Browser(), ada, OFFLINE);
    const less = await refresh(tokens.refresh_token, { scope: "openid" });
    const info = (await userInfo(less)) as Record<string, unknown>;
    expect(info).not.toHaveProperty("email");
  });
});

describe("client_credentials", () => {
  test("a client that may gets a token of its own, without a person", async () => {
    const robot = await App.make({ grant_types: ["client_credentials"], redirect_uris: [], response_types: [], post_logout_redirect_uris: [], client_credentials_scopes: ["tutor"], scope: "tutor" });
    const tokens = await oidc.clientCredentialsGrant(robot.config, { scope: "tutor", resource: API });
    expect(tokens).toMatchObject({ token_type: "bearer", access_token: expect.any(String) });
    expect(tokens).not.toHaveProperty("refresh_token");
    expect(tokens).not.toHaveProperty("id_token");
  });

  test("a client that may not is refused", async () => {
    // The peer calls it invalid_request; RFC 6749 §5.2 has this word for it.
    expect(await refusal(oidc.clientCredentialsGrant(app.config, {}))).toBe(PEER ? "400 invalid_request" : "400 unauthorized_client");
  });
});

describe("the device flow", () => {
  const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";
  let tv: App;
  beforeAll(async () => {
    tv = await App.make({ grant_types: [DEVICE], redirect_uris: [], response_types: [], post_logout_redirect_uris: [], token_endpoint_auth_method: "none" });
  });

  test("a code typed elsewhere lets the device in, which waits until then", async () => {
    const started = await oidc.initiateDeviceAuthorization(tv.config, { scope: "openid email" });
    const code = started.user_code.replace(/\W/g, "");
    expect(code.length).toBeGreaterThanOrEqual(8);
    expect(code).toMatch(/^[B-DF-HJ-NP-TV-XZ]+$/);
    const early = refusal(oidc.genericGrantRequest(tv.config, DEVICE, { device_code: started.device_code }));
    expect(await early).toBe("400 authorization_pending");
    const browser = new Browser();
    await browser.walk(started.verification_uri, { as: ada, userCode: started.user_code, consent: "accept" });
    expect(browser.seen).toEqual(expect.arrayContaining(["device", "sign-in", "consent"]));
    const tokens = await oidc.pollDeviceAuthorizationGrant(tv.config, started);
    const info = await oidc.fetchUserInfo(tv.config, tokens.access_token, oidc.skipSubjectCheck);
    expect(info["email"]).toBe(ada.email);
  });

  test("the complete address has the code in it, and who declines shuts the device out", async () => {
    const started = await oidc.initiateDeviceAuthorization(tv.config, { scope: "openid" });
    expect(started.verification_uri_complete).toContain(started.user_code);
    await new Browser().walk(started.verification_uri_complete ?? "", { as: ada, consent: "decline" });
    const asked = oidc.genericGrantRequest(tv.config, DEVICE, { device_code: started.device_code });
    expect(await refusal(asked)).toBe("400 access_denied");
  });

  /** Attack D23. */
  test("a wrong code lets nothing in", async () => {
    const started = await oidc.initiateDeviceAuthorization(tv.config, { scope: "openid" });
    const stop = await new Browser().walk(started.verification_uri, { as: ada, userCode: "BBBB-BBBB", consent: "accept" });
    expect(stop.page?.has("#fault")).toBe(true);
    expect(await refusal(oidc.genericGrantRequest(tv.config, DEVICE, { device_code: started.device_code }))).toBe("400 authorization_pending");
  });
});

describe("introspection", () => {
  test("tells a client of its own tokens, and that they ended", async () => {
    const tokens = await app.signIn(new Browser(), ada, OFFLINE);
    const told = await oidc.tokenIntrospection(app.config, tokens.access_token);
    expect(told).toMatchObject({ active: true, client_id: app.client.client_id, sub: tokens.claims()?.sub, exp: expect.any(Number), iat: expect.any(Number) });
    expect(told.scope?.split(" ")).toContain("email");
    expect(await oidc.tokenIntrospection(app.config, tokens.refresh_token ?? "")).toMatchObject({ active: true, client_id: app.client.client_id });
    await oidc.tokenRevocation(app.config, tokens.refresh_token ?? "");
    expect(await oidc.tokenIntrospection(app.config, tokens.refresh_token ?? "")).toEqual({ active: false });
    expect(await oidc.tokenIntrospection(app.config, tokens.access_token)).toEqual({ active: false });
  });

  /** Attack D24. */
  test("tells a foreign client nothing but that it is not active, nor of nonsense", async () => {
    const tokens = await app.signIn(new Browser(), ada);
    const other = await App.make();
    expect(await oidc.tokenIntrospection(other.config, tokens.access_token)).toEqual({ active: false });
    expect(await oidc.tokenIntrospection(app.config, "nonsense")).toEqual({ active: false });
  });
});

describe("revocation", () => {
  test("an access token is worth nothing at once", async () => {
    const tokens = await app.signIn(new Browser(), ada);
    await userInfo(tokens);
    await oidc.tokenRevocation(app.config, tokens.access_token);
    expect(await refusal(userInfo(tokens))).toBe("401 invalid_token");
  });

  test("a refresh token takes its access tokens along", async () => {
    const tokens = await app.signIn(new Browser(), ada, OFFLINE);
    await oidc.tokenRevocation(app.config, tokens.refresh_token ?? "");
    expect(await refusal(refresh(tokens.refresh_token))).toBe("400 invalid_grant");
    expect(await refusal(userInfo(tokens))).toBe("401 invalid_token");
  });

  test("nonsense is answered as if it had been revoked, and another client's token stays", async () => {
    await oidc.tokenRevocation(app.config, "nonsense");
    const tokens = await app.signIn(new Browser(), ada);
    const other = await App.make();
    await refusal(oidc.tokenRevocation(other.config, tokens.access_token));
    await userInfo(tokens);
  });
});

describe("resource indicators", () => {
  let reader: App;
  beforeAll(async () => {
    reader = await App.make({ scope: "openid email tutor" });
  });

  async function forTheApi(): Promise<Tokens> {
    const visit = await reader.visit({ scope: "openid tutor", resource: API });
    const back = await new Browser().walk(visit.url, { as: ada, consent: "accept" });
    return reader.redeem(visit, back, { also: { resource: API } });
  }

  test("a token for the API names it as its audience, as RFC 9068 has it", async () => {
    const tokens = await forTheApi();
    const keys = createRemoteJWKSet(new URL(reader.config.serverMetadata().jwks_uri ?? ""));
    const { payload } = await jwtVerify(tokens.access_token, keys, { issuer: ISSUER, audience: API, typ: "at+jwt" });
    expect(payload).toMatchObject({ sub: tokens.claims()?.sub, client_id: reader.client.client_id, scope: expect.stringContaining("tutor"), jti: expect.any(String) });
  });

  test("an audience that nobody knows is refused", async () => {
    const answer = await reader.answer(new Browser(), { scope: "openid tutor", resource: "https://unknown.example/" }, { as: ada, consent: "accept" });
    expect(answer.get("error")).toBe("invalid_target");
  });

  oursAlone("a JWT is introspected and revoked as other tokens are", "the peer refuses both for JWTs", async () => {
    const { access_token } = await forTheApi();
    const told = await oidc.tokenIntrospection(reader.config, access_token);
    expect([told.active, [told.aud].flat()]).toEqual([true, expect.arrayContaining([API])]);
    await oidc.tokenRevocation(reader.config, access_token);
    expect(await oidc.tokenIntrospection(reader.config, access_token)).toEqual({ active: false });
  });

  oursAlone("scope tutor alone leads to the API, and openid alone does not", "the contract's rule (OIDC §1.2)", async () => {
    const audience = ({ access_token }: Tokens): string[] => [decodeJwt(access_token).aud ?? []].flat();
    expect(audience(await reader.signIn(new Browser(), ada, { scope: "openid tutor" }))).toContain(API);
    expect(audience(await reader.signIn(new Browser(), ada, { scope: "openid" }))).not.toContain(API);
  });
});
