import { setTimeout as sleep } from "node:timers/promises";
import { decodeProtectedHeader } from "jose";
import { beforeAll, expect } from "vitest";
import { Browser, type Walk } from "../browser";
import { CALLBACK, createClient, type Account } from "../target";
import { code, denied, happy, idToken, issued, redeemed, refused, refusedSomehow, secret, told } from "./checks";
import { Plan } from "./module";
import { Rp, ask, random, s256, somebody } from "./rp";

const plan = new Plan("oidcc-basic-certification-test-plan", import.meta.url);
let rp: Rp;
let walk: Walk & { as: Account; consent: "accept" };
beforeAll(async () => {
  [rp, walk] = [await Rp.make(), await somebody()];
});

const signIns = (browser: Browser): number => browser.seen.filter((page) => page === "sign-in").length;
const scopes = (): string[] => rp.server["scopes_supported"] as string[];

plan.module("oidcc-server", "the code flow, with every condition", async () => {
  const { tokens, info } = await happy(rp, new Browser(), walk);
  expect(tokens.refresh_token).toBeUndefined();
  expect(info).not.toHaveProperty("email");
});

plan.module("oidcc-response-type-missing", "is told so, at the app or on a page", async () => {
  const sent = rp.request({ response_type: undefined });
  refusedSomehow(await rp.authorize(new Browser(), sent, walk), sent, ["invalid_request", "unsupported_response_type"]);
});

plan.module("oidcc-idtoken-signature", "RS256 by default, by a key that is published", async () => {
  const { tokens } = await happy(rp, new Browser(), walk);
  expect(decodeProtectedHeader(tokens.id_token ?? "")).toMatchObject({ alg: "RS256", kid: expect.any(String) });
});

plan.module("oidcc-idtoken-unsigned", "skipped there: none is not advertised, and refused here", async () => {
  expect(rp.server["id_token_signing_alg_values_supported"]).not.toContain("none");
  await expect(createClient({ id_token_signed_response_alg: "none" })).rejects.toThrow(/id_token_signed_response_alg/);
});

plan.module("oidcc-userinfo-get", "GET with the token in the header", async () => {
  const { tokens, claims } = await happy(rp, new Browser(), walk);
  told(await rp.userInfo(tokens.access_token), claims.sub);
});

plan.module("oidcc-userinfo-post-header", "POST with the token in the header", async () => {
  const { tokens, claims } = await happy(rp, new Browser(), walk);
  told(await rp.userInfo(tokens.access_token, { method: "POST" }), claims.sub);
});

plan.module("oidcc-userinfo-post-body", "POST with the token in the form, or a refusal in words (a warning there)", async () => {
  const { tokens, claims } = await happy(rp, new Browser(), walk);
  const reply = await ask(rp.server.userinfo_endpoint, { method: "POST", body: new URLSearchParams({ access_token: tokens.access_token }) });
  if (reply.status === 200) told(reply, claims.sub);
  else expect([400, 401]).toContain(reply.status);
});

plan.module("oidcc-ensure-request-without-nonce-succeeds-for-code-flow", "no nonce in, none out", async () => {
  const { claims } = await happy(rp, new Browser(), walk, { nonce: undefined });
  expect(claims).not.toHaveProperty("nonce");
});

plan.module("oidcc-scope-profile", "userinfo tells the name", async () => {
  const { info } = await happy(rp, new Browser(), walk, { scope: "openid profile" });
  expect(info["name"]).toBe("Ada Learner");
});

plan.module("oidcc-scope-email", "userinfo tells the address and whether it is confirmed", async () => {
  const { info } = await happy(rp, new Browser(), walk, { scope: "openid email" });
  expect(info).toMatchObject({ email: walk.as.email, email_verified: true });
});

/** A scope that we do not have: the suite skips it where it is not advertised. */
function unadvertised(scope: string, asked: string): () => Promise<void> {
  return async () => {
    expect(scopes()).not.toContain(scope);
    const sent = rp.request({ scope: asked });
    const stop = await rp.authorize(new Browser(), sent, walk);
    if (stop.left?.searchParams.has("error")) return refused(stop, sent, "invalid_scope");
    const { tokens, info } = await redeemed(rp, stop, sent);
    expect(tokens.scope?.split(" ")).not.toContain(scope);
    return expect(info).not.toHaveProperty(scope === "phone" ? "phone_number" : scope);
  };
}

plan.module("oidcc-scope-address", "skipped there: not advertised, and refused or left out here", unadvertised("address", "openid address"));
plan.module("oidcc-scope-phone", "skipped there: not advertised, and refused or left out here", unadvertised("phone", "openid phone"));
plan.module("oidcc-scope-all", "skipped there: two of the scopes are not advertised", unadvertised("address", "openid profile email address phone"));

plan.module("oidcc-alternate-happy-flow", "scopes and parameters in another order", async () => {
  const sent = rp.request({ scope: "email openid" });
  const turned = Object.fromEntries(Object.entries(sent).reverse());
  const { info } = await redeemed(rp, await rp.authorize(new Browser(), turned, walk), sent);
  expect(info["email"]).toBe(walk.as.email);
});

for (const display of ["page", "popup"]) {
  plan.module(`oidcc-display-${display}`, "succeeds", async () => void (await happy(rp, new Browser(), walk, { display })));
}

plan.module("oidcc-prompt-login", "asks for the password again, and tells the later time", async () => {
  const browser = new Browser();
  const first = await happy(rp, browser, walk);
  await sleep(1_100);
  const second = await happy(rp, browser, walk, { prompt: "login", max_age: "15000" });
  expect(signIns(browser)).toBe(2);
  expect(second.claims.sub).toBe(first.claims.sub);
  expect(second.claims["auth_time"]).toBeGreaterThan(Number(first.claims["auth_time"] ?? 0));
});

plan.module("oidcc-prompt-none-not-logged-in", "comes back with an error", async () => {
  const sent = rp.request({ prompt: "none" });
  refused(await rp.authorize(new Browser(), sent, {}), sent, ["login_required", "interaction_required"]);
});

plan.module("oidcc-prompt-none-logged-in", "is silent: the same person, the same time", async () => {
  const browser = new Browser();
  const first = await happy(rp, browser, walk);
  const second = await happy(rp, browser, {}, { prompt: "none" });
  for (const claim of ["sub", "auth_time"]) expect(second.claims[claim]).toBe(first.claims[claim]);
});

plan.module("oidcc-max-age-1", "asks again once the sign-in is older", async () => {
  const browser = new Browser();
  const first = await happy(rp, browser, walk, { max_age: "10000" });
  await sleep(2_100);
  const second = await happy(rp, browser, walk, { max_age: "1" });
  expect(signIns(browser)).toBe(2);
  expect(second.claims["auth_time"]).toBeGreaterThan(Number(first.claims["auth_time"]));
  expect(Date.now() / 1_000 - Number(second.claims["auth_time"])).toBeLessThan(60);
});

plan.module("oidcc-max-age-10000", "does not ask again, and tells the time of the first", async () => {
  const browser = new Browser();
  const first = await happy(rp, browser, walk, { max_age: "10000" });
  const second = await happy(rp, browser, { consent: "accept" }, { max_age: "10000" });
  expect(second.claims["auth_time"]).toBe(first.claims["auth_time"]);
});

plan.module("oidcc-ensure-request-with-unknown-parameter-succeeds", "it is ignored", async () => {
  await happy(rp, new Browser(), walk, { extra: "foobar" });
});

plan.module("oidcc-id-token-hint", "with prompt=none: silent, the same person", async () => {
  const browser = new Browser();
  const first = await happy(rp, browser, walk);
  const second = await happy(rp, browser, {}, { prompt: "none", id_token_hint: first.tokens.id_token });
  expect(second.claims.sub).toBe(first.claims.sub);
});

plan.module("oidcc-login-hint", "succeeds", async () => void (await happy(rp, new Browser(), walk, { login_hint: walk.as.email })));
plan.module("oidcc-ui-locales", "succeeds in a language that we do not have", async () => void (await happy(rp, new Browser(), walk, { ui_locales: "se" })));
plan.module("oidcc-claims-locales", "succeeds", async () => void (await happy(rp, new Browser(), walk, { claims_locales: "se" })));

plan.module("oidcc-ensure-request-with-acr-values-succeeds", "acr is one of the asked ones where they are known, and none of them elsewhere", async () => {
  const { claims } = await happy(rp, new Browser(), walk, { acr_values: "1 2" });
  const known = (rp.server["acr_values_supported"] as string[]).filter((value) => ["1", "2"].includes(value));
  expect(["1", "2"].includes(String(claims["acr"]))).toBe(known.length > 0);
});

plan.module("oidcc-codereuse", "at once: invalid_grant", async () => {
  const { code: used } = await happy(rp, new Browser(), walk);
  denied(await rp.redeem(used), "invalid_grant");
});

/** Attack D4: the suite waits 30 s; SLOW=1 does, too. */
plan.module("oidcc-codereuse-30seconds", "later: invalid_grant, and the access token is dead (a warning there)", async () => {
  const { code: used, tokens } = await happy(rp, new Browser(), walk);
  await sleep(process.env["SLOW"] ? 30_000 : 1_000);
  denied(await rp.redeem(used), "invalid_grant");
  expect((await rp.userInfo(tokens.access_token)).status).toBe(401);
});

/** Attack D1. */
plan.module("oidcc-ensure-registered-redirect-uri", "any other address gets an error page, and nobody is sent there", async () => {
  for (const redirect_uri of [`${CALLBACK}/${random(4)}`, `${CALLBACK}?foo=bar`, `${CALLBACK}#here`, CALLBACK.replace("https", "http"), "https://rp.example.evil.example/callback", "https://rp.example@evil.example/callback", `${CALLBACK}/../callback`, CALLBACK.toUpperCase()]) {
    const stop = await rp.authorize(new Browser(), rp.request({ redirect_uri }), walk);
    expect([redirect_uri, stop.left?.href, stop.page?.has("#error")]).toEqual([redirect_uri, undefined, true]);
  }
});

plan.module("oidcc-ensure-post-request-succeeds", "the request as a form of another site", async () => {
  const [browser, sent] = [new Browser(), rp.request()];
  const first = await browser.send({ url: new URL(rp.server.authorization_endpoint), method: "POST", fields: new URLSearchParams(sent) });
  if (!first.page) throw new Error("nobody is signed in yet");
  await redeemed(rp, await browser.on(first.page, walk), sent);
});

plan.module("oidcc-server-client-secret-post", "the secret in the form, for a client that is registered so", async () => {
  const posting = await Rp.make({ token_endpoint_auth_method: "client_secret_post" });
  expect(rp.server["token_endpoint_auth_methods_supported"]).toEqual(expect.arrayContaining(["client_secret_basic", "client_secret_post"]));
  await happy(posting, new Browser(), walk);
});

/** What an app signs with nothing. */
const unsigned = (claims: Record<string, string>): string => `${[{ alg: "none" }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".")}.`;

plan.module("oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported", "skipped there: not advertised, and not ignored here", async () => {
  expect(rp.server["request_uri_parameter_supported"]).toBe(false);
  const sent = rp.request({ request_uri: "https://rp.example/request.jwt" });
  refusedSomehow(await rp.authorize(new Browser(), sent, walk), sent, ["request_uri_not_supported", "invalid_request_uri"]);
});

plan.module("oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported", "skipped there: none is not advertised, and not ignored here", async () => {
  expect(rp.server["request_object_signing_alg_values_supported"] ?? []).not.toContain("none");
  const sent = rp.request();
  const stop = await rp.authorize(new Browser(), { ...sent, request: unsigned(sent) }, walk);
  refusedSomehow(stop, sent, ["request_not_supported", "invalid_request_object"]);
});

plan.module("oidcc-claims-essential", "a claim of userinfo by name, without its scope", async () => {
  const { info, claims } = await happy(rp, new Browser(), walk, { claims: JSON.stringify({ userinfo: { name: { essential: true } } }) });
  expect(info["name"]).toBe("Ada Learner");
  expect(claims).not.toHaveProperty("name");
});

plan.module("oidcc-ensure-request-object-with-redirect-uri", "skipped there (unsigned): an address beside the object leads nowhere", async () => {
  const sent = rp.request();
  const stop = await rp.authorize(new Browser(), { ...sent, redirect_uri: `${CALLBACK}/other`, request: unsigned(sent) }, walk);
  expect(stop.left?.href ?? "").not.toContain(`${CALLBACK}/other`);
  refusedSomehow(stop, sent, ["request_not_supported", "invalid_request_object", "invalid_request"]);
});

plan.module("oidcc-refresh-token", "another pair, the same claims, and nobody else's", async () => {
  const [other, scope] = [await Rp.make(), "openid offline_access"];
  const { tokens, claims, sent } = await happy(rp, new Browser(), walk, { scope, prompt: "consent" });
  const first = secret(tokens.refresh_token, "refresh token");
  const next = issued(await rp.token({ grant_type: "refresh_token", refresh_token: first }));
  expect(next.access_token).not.toBe(tokens.access_token);
  if (next.id_token) {
    // A nonce may stay away from an ID token of a refresh (Core §12.2).
    const again = await idToken(rp, next, sent).catch(() => idToken(rp, next, { ...sent, nonce: undefined as unknown as string }));
    for (const claim of ["iss", "sub", "aud", "auth_time", "azp"]) expect(again[claim], claim).toEqual(claims[claim]);
  }
  told(await rp.userInfo(next.access_token), claims.sub);
  const theirs = await happy(other, new Browser(), walk, { scope, prompt: "consent" });
  denied(await rp.token({ grant_type: "refresh_token", refresh_token: theirs.tokens.refresh_token ?? "" }), ["invalid_grant", "invalid_client"]);
});

plan.module("oidcc-ensure-request-with-valid-pkce-succeeds", "S256", async () => {
  const verifier = random(48);
  const sent = rp.request({ code_challenge: s256(verifier), code_challenge_method: "S256" });
  await redeemed(rp, await rp.authorize(new Browser(), sent, walk), sent, { code_verifier: verifier });
  const again = rp.request({ code_challenge: s256(verifier), code_challenge_method: "S256" });
  denied(await rp.redeem(code(await rp.authorize(new Browser(), again, walk), again), { code_verifier: random(48) }), "invalid_grant");
});

plan.complete([
  "oidcc-server", "oidcc-response-type-missing", "oidcc-idtoken-signature", "oidcc-idtoken-unsigned", "oidcc-userinfo-get", "oidcc-userinfo-post-header",
  "oidcc-userinfo-post-body", "oidcc-ensure-request-without-nonce-succeeds-for-code-flow", "oidcc-scope-profile", "oidcc-scope-email", "oidcc-scope-address",
  "oidcc-scope-phone", "oidcc-scope-all", "oidcc-alternate-happy-flow", "oidcc-display-page", "oidcc-display-popup", "oidcc-prompt-login",
  "oidcc-prompt-none-not-logged-in", "oidcc-prompt-none-logged-in", "oidcc-max-age-1", "oidcc-max-age-10000",
  "oidcc-ensure-request-with-unknown-parameter-succeeds", "oidcc-id-token-hint", "oidcc-login-hint", "oidcc-ui-locales", "oidcc-claims-locales",
  "oidcc-ensure-request-with-acr-values-succeeds", "oidcc-codereuse", "oidcc-codereuse-30seconds", "oidcc-ensure-registered-redirect-uri",
  "oidcc-ensure-post-request-succeeds", "oidcc-server-client-secret-post", "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported",
  "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported", "oidcc-claims-essential", "oidcc-ensure-request-object-with-redirect-uri",
  "oidcc-refresh-token", "oidcc-ensure-request-with-valid-pkce-succeeds",
]);
