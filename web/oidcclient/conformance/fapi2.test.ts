import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect } from "vitest";
import { key } from "../app";
import { Browser, type Walk } from "../browser";
import { CALLBACK, ISSUER, type Account } from "../target";
import { callback, denied, idToken, issued, refused, refusedSomehow, secret, told } from "./checks";
import { Dpop, Fapi } from "./fapi";
import { Plan } from "./module";
import { ask, random, somebody, s256, type Reply } from "./rp";

const FAPI2 = "fapi2-security-profile-final";
const plan = new Plan(`${FAPI2}-test-plan`, import.meta.url);
let app: Fapi;
let other: Fapi;
let walk: Walk & { as: Account; consent: "accept" };
/** Who is signed in and has agreed already, for the modules that are about something else. */
let known: Browser;
beforeAll(async () => {
  [app, other, walk, known] = [await Fapi.make(), await Fapi.make(), await somebody(), new Browser()];
});

const module = (name: string, holds: string, check: () => Promise<void>): void => plan.module(`${FAPI2}-${name}`, holds, check);

async function happy(more: Record<string, string | undefined> = {}): Promise<void> {
  const { tokens, sent } = await app.signIn(known, walk, more);
  const claims = await idToken(app.rp, tokens, sent, "ES256");
  told(await app.resource(tokens.access_token), claims.sub);
}

module("discovery-end-point-verification", "PAR, DPoP, iss, S256 and the algorithms are advertised", async () => {
  expect(app.rp.server).toMatchObject({ authorization_response_iss_parameter_supported: true, code_challenge_methods_supported: ["S256"], pushed_authorization_request_endpoint: expect.any(String) });
  expect(app.rp.server["dpop_signing_alg_values_supported"]).toContain("ES256");
  expect(app.rp.server["token_endpoint_auth_methods_supported"]).toContain("private_key_jwt");
  expect(app.rp.server["token_endpoint_auth_signing_alg_values_supported"]).toEqual(expect.arrayContaining(["PS256", "ES256", "EdDSA"]));
  expect(app.rp.server["id_token_signing_alg_values_supported"]).toContain("ES256");
});

module("happy-flow", "pushed, proved, bound, and read", () => happy());

module("user-rejects-authentication", "access_denied", async () => {
  const fresh = await Fapi.make();
  const { sent } = fresh.request();
  refused(await fresh.authorize(new Browser(), sent, { ...walk, consent: "decline" }), sent, "access_denied");
});

module("ensure-authorization-request-without-state-success", "no state in, none out", () => happy({ state: undefined }));
module("ensure-authorization-request-without-nonce-success", "no nonce in, none out", () => happy({ nonce: undefined }));
module("ensure-authorization-request-with-64-char-nonce-success", "comes back whole", () => happy({ nonce: random(48) }));
module("ensure-other-scope-order-succeeds", "the order does not matter", () => happy({ scope: "email openid" }));

module("test-claims-parameter-identity-claims", "a claim by name is told at userinfo", async () => {
  const { tokens } = await app.signIn(known, walk, { claims: JSON.stringify({ userinfo: { name: { essential: true } } }) });
  expect((await app.resource(tokens.access_token)).json["name"]).toBe("Ada Learner");
});

module("access-token-type-header-case-sensitivity", "dpop, DPoP, DPOP", async () => {
  const { tokens } = await app.signIn(known, walk);
  for (const scheme of ["dpop", "DPOP", "dPoP"]) {
    const proof = await app.dpop.proof("GET", app.rp.server.userinfo_endpoint, { ath: app.ath(tokens.access_token) });
    expect([scheme, (await app.present(tokens.access_token, proof, scheme)).status]).toEqual([scheme, 200]);
  }
});

const now = (): number => Math.floor(Date.now() / 1_000);

module("check-dpop-proof-nbf-exp", "a proof with both is taken", async () => {
  const { code, verifier } = await app.code(known, walk);
  const limits = { nbf: now(), exp: now() + 300 };
  const tokens = issued(await app.redeem(code, verifier, { claims: limits }));
  expect((await app.resource(tokens.access_token, limits)).status).toBe(200);
});

/** Attack D17: clocks differ by so much. */
for (const [when, seconds] of [["before", -10], ["after", 10]] as const) {
  module(`ensure-dpopproof-with-iat-10seconds-${when}-succeeds`, "clocks may differ by so much", async () => {
    const { code, verifier } = await app.code(known, walk);
    const tokens = issued(await app.redeem(code, verifier, { claims: { iat: now() + seconds } }));
    expect((await app.resource(tokens.access_token, { iat: now() + seconds })).status).toBe(200);
  });
}

const atPar = async (by = app.dpop): Promise<Record<string, string>> => ({ DPoP: await by.proof("POST", app.rp.server.pushed_authorization_request_endpoint) });

module("ensure-mismatched-dpop-jkt-fails", "dpop_jkt of another key than the proof's is refused when pushed", async () => {
  const { sent } = app.request({ dpop_jkt: (await Dpop.make()).jkt });
  denied(await app.push(sent, await atPar()), ["invalid_request", "invalid_dpop_proof"]);
});

module("ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt", "a code is bound to the key that pushed it", async () => {
  const { sent, verifier } = app.request();
  const code = callback(await app.authorize(known, sent, walk, await atPar()), sent).get("code") ?? "";
  denied(await app.redeem(code, verifier, { by: await Dpop.make() }), ["invalid_request", "invalid_grant", "invalid_dpop_proof"]);
});

module("ensure-token-endpoint-fails-with-mismatched-dpop-jkt", "a code is bound to the key that dpop_jkt names", async () => {
  const { code, verifier } = await app.code(known, walk, { dpop_jkt: (await Dpop.make()).jkt });
  denied(await app.redeem(code, verifier), ["invalid_request", "invalid_grant", "invalid_dpop_proof"]);
});

module("ensure-dpopproof-at-par-endpoint-binding-success", "the key that pushed it redeems it", async () => {
  const { sent, verifier } = app.request();
  const code = callback(await app.authorize(known, sent, walk, await atPar()), sent).get("code") ?? "";
  issued(await app.redeem(code, verifier));
});

module("ensure-dpop-auth-code-binding-success", "the key that dpop_jkt names redeems it", async () => {
  const { code, verifier } = await app.code(known, walk, { dpop_jkt: app.dpop.jkt });
  issued(await app.redeem(code, verifier));
});

/** What stands in the URL beside the name of a pushed request: the pushed one counts, or nothing is given. */
async function beside(outside: Record<string, string>, pushed: Record<string, string | undefined> = {}): Promise<void> {
  const { sent, verifier } = app.request(pushed);
  const stop = await known.walk(app.url(await app.pushed(sent), outside), walk);
  if (stop.page) return expect(stop.page.has("#error")).toBe(true);
  const back = callback(stop, sent);
  if (back.has("error")) return expect(back.get("error")).toMatch(/^invalid_request/);
  const tokens = issued(await app.redeem(back.get("code") ?? "", verifier));
  return void (await idToken(app.rp, tokens, sent, "ES256"));
}

module("ensure-different-nonce-inside-and-outside-request-object", "the pushed one counts", () => beside({ nonce: "outside" }));
module("ensure-different-state-inside-and-outside-request-object", "the pushed one counts", () => beside({ state: "outside" }));
module("state-only-outside-request-object-not-used", "a state beside the pushed request is none", () => beside({ state: "outside" }, { state: undefined }));

/** As long as a server must not cut: it comes back whole, or is refused. */
async function long(name: "state" | "nonce"): Promise<void> {
  const { sent, verifier } = app.request({ [name]: "a1".repeat(name === "nonce" ? 192 : 500) });
  const reply = await app.push(sent);
  if (reply.status !== 201) return denied(reply, "invalid_request");
  const back = callback(await known.walk(app.url(String(reply.json["request_uri"])), walk), sent);
  if (back.has("error")) return expect(back.get("error")).toBe("invalid_request");
  return void (await idToken(app.rp, issued(await app.redeem(back.get("code") ?? "", verifier)), sent, "ES256"));
}

module("ensure-authorization-request-with-long-nonce", "384 characters: whole or refused", () => long("nonce"));
module("ensure-authorization-request-with-long-state", "1,000 characters: whole or refused", () => long("state"));

for (const name of ["ensure-request-object-without-redirect-uri-fails", "ensure-redirect-uri-in-authorization-request"]) {
  module(name, "no redirect_uri is pushed: refused", async () => {
    const { sent } = app.request({ redirect_uri: undefined });
    denied(await app.push(sent), ["invalid_request", "invalid_request_object"]);
  });
}

module("plain-fapi-tolerate-unregistered-redirect-uri", "an address that is not registered is refused when pushed", async () => {
  const { sent } = app.request({ redirect_uri: `${CALLBACK}/${random(4)}` });
  denied(await app.push(sent), ["invalid_request", "invalid_redirect_uri"]);
});

module("ensure-unsigned-authorization-request-without-using-par-fails", "nothing goes without a push", async () => {
  const { sent } = app.request();
  refusedSomehow(await app.rp.authorize(new Browser(), sent, walk), sent, ["invalid_request", "invalid_request_uri", "invalid_request_object"]);
});

for (const [name, response_type] of [["ensure-response-type-code-idtoken-fails", "code id_token"], ["ensure-response-type-token-fails", "token"]] as const) {
  module(name, "only code is given", async () => {
    denied(await app.push(app.request({ response_type }).sent), ["unsupported_response_type", "invalid_request", "unauthorized_client"]);
  });
}

/** A client assertion that is wrong in one point, at the token endpoint. */
async function asserted(assertion: Record<string, string>): Promise<Reply> {
  const { code, verifier } = await app.code(known, walk);
  const DPoP = await app.dpop.proof("POST", app.rp.server.token_endpoint);
  const form = { grant_type: "authorization_code", code, redirect_uri: CALLBACK, code_verifier: verifier, ...assertion };
  return ask(app.rp.server.token_endpoint, { method: "POST", headers: { DPoP }, body: new URLSearchParams(form) });
}

module("ensure-client-id-in-token-endpoint", "another client's id with this one's key", async () => {
  const { client_id } = other.rp.client;
  denied(await asserted({ client_id, ...(await app.rp.proof({ iss: client_id, sub: client_id })) }), ["invalid_client", "invalid_grant"]);
});

module("ensure-holder-of-key-required", "no proof, no token", async () => {
  const { code, verifier } = await app.code(known, walk);
  denied(await app.redeem(code, verifier, { by: null }), ["invalid_request", "invalid_dpop_proof", "invalid_grant"]);
});

module("ensure-authorization-code-is-bound-to-client", "another client redeems nothing with it", async () => {
  const { code, verifier } = await app.code(known, walk);
  denied(await other.redeem(code, verifier), "invalid_grant");
});

module("attempt-reuse-authorization-code-after-one-second", "refused, and its token is dead (a warning there)", async () => {
  const { code, verifier } = await app.code(known, walk);
  const tokens = issued(await app.redeem(code, verifier));
  await sleep(1_000);
  denied(await app.redeem(code, verifier), "invalid_grant");
  expect((await app.resource(tokens.access_token)).status).toBe(401);
});

plan.slow(`${FAPI2}-ensure-token-endpoint-fails-with-expired-auth-code`, "a code is worth nothing after 60 s", async () => {
  const { code, verifier } = await app.code(known, walk);
  await sleep(62_000);
  denied(await app.redeem(code, verifier), "invalid_grant");
});

module("ensure-signed-client-assertion-with-RS256-fails", "RS256 is not for this profile", async () => {
  const rsa = await key("RS256");
  denied(await asserted(await app.rp.proof({}, { alg: "RS256" }, rsa)), "invalid_client");
});

module("ensure-client-assertion-in-token-endpoint", "no assertion, no token", async () => {
  denied(await asserted({ client_id: app.rp.client.client_id }), ["invalid_client", "invalid_request"]);
});

module("ensure-client-assertion-with-exp-is-5-minutes-in-past-fails", "an old assertion", async () => {
  denied(await asserted(await app.rp.proof({ iat: now() - 360, exp: now() - 300 })), "invalid_client");
});

module("ensure-client-assertion-with-wrong-aud-fails", "one for somebody else", async () => {
  denied(await asserted(await app.rp.proof({ aud: "https://other.example" })), "invalid_client");
});

module("ensure-client-assertion-with-no-sub-fails", "one without sub", async () => {
  denied(await asserted({ client_id: app.rp.client.client_id, ...(await app.rp.proof({ sub: undefined as unknown as string })) }), "invalid_client");
});

/** Attack D18. */
module("dpop-negative-tests", "each flaw of a proof is refused; what a proof may have is taken", async () => {
  const token = (await app.signIn(known, walk)).tokens.access_token;
  const userinfo = app.rp.server.userinfo_endpoint;
  const none = undefined as unknown as string;
  const wrong: Record<string, () => Promise<Reply>> = {
    "two proofs": async () => app.present(token, `${await app.dpop.proof("GET", userinfo, { ath: s256(token) })}, ${await app.dpop.proof("GET", userinfo, { ath: s256(token) })}`),
    "no JWT": () => app.present(token, "not-a-proof"),
    "no typ": () => app.resource(token, {}, { typ: none }),
    "another typ": () => app.resource(token, {}, { typ: "JWT" }),
    "no jwk": () => app.resource(token, {}, { jwk: undefined as never }),
    "a private jwk": () => app.resource(token, {}, { jwk: app.dpop.secret }),
    "no jti": () => app.resource(token, { jti: none }),
    "no htm": () => app.resource(token, { htm: undefined }),
    "no htu": () => app.resource(token, { htu: undefined }),
    "no iat": () => app.resource(token, { iat: undefined as unknown as number }),
    "no ath": () => app.resource(token, { ath: undefined }),
    "another ath": () => app.resource(token, { ath: s256("another") }),
    "another htm": () => app.resource(token, { htm: "PUT" }),
    "another htu": () => app.resource(token, { htu: `${ISSUER}/elsewhere` }),
    "an hour old": () => app.resource(token, { iat: now() - 3_600 }),
    "an hour early": () => app.resource(token, { iat: now() + 3_600 }),
    "another key": async () => app.resource(token, {}, {}, await Dpop.make()),
    "alg none": async () => {
      const [, claims = ""] = (await app.dpop.proof("GET", userinfo, { ath: s256(token) })).split(".");
      return app.present(token, `${Buffer.from(JSON.stringify({ alg: "none", typ: "dpop+jwt", jwk: app.dpop.jwk })).toString("base64url")}.${claims}.`);
    },
    "a broken signature": async () => {
      const proof = await app.dpop.proof("GET", userinfo, { ath: s256(token) });
      return app.present(token, `${proof.slice(0, -8)}${proof.endsWith("AAAAAAAA") ? "BBBBBBBB" : "AAAAAAAA"}`);
    },
    "as Bearer": () => app.rp.userInfo(token),
  };
  for (const [flaw, present] of Object.entries(wrong)) expect([flaw, (await present()).status]).toEqual([flaw, expect.toBeOneOf([400, 401])]);
  const right = [await app.resource(token, { htu: `${userinfo}?a=1#b` }), await app.resource(token, { extra: "x" }, { extra: "x" } as never)];
  expect(right.map(({ status }) => status)).toEqual([200, 200]);
  const twice = { jti: random() };
  expect([(await app.resource(token, twice)).status, (await app.resource(token, twice)).status]).toEqual([200, 401]);
  // RS256 is not for this profile (§5.4).
  const rsa = await Dpop.make("RS256");
  const DPoP = await rsa.proof("POST", app.rp.server.pushed_authorization_request_endpoint);
  denied(await app.push(app.request().sent, { DPoP }), "invalid_dpop_proof");
  const { code: got, verifier } = await app.code(known, walk);
  denied(await app.redeem(got, verifier, { by: rsa }), "invalid_dpop_proof");
});

module("refresh-token", "works with its key alone, and for its client alone", async () => {
  const { tokens } = await app.signIn(known, walk, { scope: "openid offline_access", prompt: "consent" });
  const refresh_token = secret(tokens.refresh_token, "refresh token");
  const refresh = async (by: Fapi, with_: Dpop | null): Promise<Reply> =>
    by.rp.token({ grant_type: "refresh_token", refresh_token }, with_ ? { DPoP: await with_.proof("POST", by.rp.server.token_endpoint) } : {});
  denied(await refresh(other, other.dpop), "invalid_grant");
  const next = issued(await refresh(app, app.dpop));
  expect((await app.resource(next.access_token)).status).toBe(200);
});

module("par-ensure-reused-request-uri-prior-to-auth-completion-succeeds", "the name is used up when the person is done, not at the first visit", async () => {
  const { sent, verifier } = app.request();
  const url = app.url(await app.pushed(sent));
  const browser = new Browser();
  const first = await browser.open(url);
  expect(first.page?.has("#sign-in")).toBe(true);
  const back = callback(await browser.walk(url, walk), sent);
  issued(await app.redeem(back.get("code") ?? "", verifier));
});

module("par-attempt-reuse-request_uri", "once it gave a code it gives no other (a warning there)", async () => {
  const { sent } = app.request();
  const url = app.url(await app.pushed(sent));
  callback(await known.walk(url, walk), sent);
  refusedSomehow(await known.walk(url, walk), sent, ["invalid_request_uri", "invalid_request"]);
});

plan.slow(`${FAPI2}-par-attempt-to-use-expired-request_uri`, "after expires_in it is worth nothing", async () => {
  const { sent } = app.request();
  const reply = await app.push(sent);
  await sleep((Number(reply.json["expires_in"]) + 2) * 1_000);
  refusedSomehow(await known.walk(app.url(String(reply.json["request_uri"])), walk), sent, ["invalid_request_uri", "invalid_request"]);
});

/** Attack D17. */
module("par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted", "clocks may differ by so much", async () => {
  const { sent } = app.request();
  const reply = await app.push({ ...sent, ...(await app.rp.proof({ iat: now() + 8, nbf: now() + 8, exp: now() + 68 })) });
  expect(reply.status, reply.text).toBe(201);
});

/** An assertion of a client that pushes, wrong in one point. */
const pushedWith = async (claims: Record<string, unknown>): Promise<void> =>
  denied(await app.push({ ...app.request().sent, ...(await app.rp.proof(claims)) }), ["invalid_client", "invalid_request"]);

module("par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails", "but not by more", () => pushedWith({ iat: now() + 90, nbf: now() + 90, exp: now() + 150 }));
module("par-test-array-as-audience-fails", "the audience is the issuer, not a list", () => pushedWith({ aud: [ISSUER, "https://other.example"] }));
module("par-test-par-endpoint-url-as-audience-fails", "nor the endpoint", () => pushedWith({ aud: app.rp.server.pushed_authorization_request_endpoint }));
module("par-test-token-endpoint-url-as-audience-fails", "nor another endpoint", () => pushedWith({ aud: app.rp.server.token_endpoint }));

module("par-attempt-to-use-request_uri-for-different-client", "the name is its client's alone", async () => {
  const { sent } = app.request();
  const url = other.url(await app.pushed(sent));
  const stop = await known.walk(url, walk);
  expect(stop.left?.searchParams.get("code") ?? null).toBeNull();
  refusedSomehow(stop, sent.state ? { ...sent, state: stop.left?.searchParams.get("state") ?? "" } : sent, ["invalid_request_uri", "invalid_request", "invalid_client"]);
});

module("par-authorization-request-containing-request_uri-form-param", "a request_uri cannot be pushed", async () => {
  const { sent } = app.request();
  denied(await app.push({ ...sent, request_uri: await app.pushed(sent) }), ["invalid_request", "request_uri_not_supported"]);
});

module("par-attempt-invalid-http-method", "only POST pushes", async () => {
  const url = new URL(app.rp.server.pushed_authorization_request_endpoint);
  url.search = new URLSearchParams({ ...app.request().sent, ...(await app.rp.proof()) }).toString();
  for (const method of ["GET", "PUT"]) expect([method, (await ask(url.href, { method })).status]).toEqual([method, expect.toBeOneOf([400, 404, 405])]);
});

module("par-ensure-pkce-required", "no challenge, no push", async () => {
  denied(await app.push(app.request({ code_challenge: undefined, code_challenge_method: undefined }).sent), "invalid_request");
});

/** Attack D3. */
module("par-plain-pkce-rejected", "plain is not taken", async () => {
  denied(await app.push(app.request({ code_challenge: random(48), code_challenge_method: "plain" }).sent), "invalid_request");
});

/** Attack D3. */
module("ensure-pkce-code-verifier-required", "no verifier, no token", async () => {
  const { code } = await app.code(known, walk);
  const DPoP = await app.dpop.proof("POST", app.rp.server.token_endpoint);
  denied(await app.rp.redeem(code, {}, { DPoP }), ["invalid_grant", "invalid_request"]);
});

/** Attack D3. */
module("incorrect-pkce-code-verifier-rejected", "another verifier", async () => {
  const { code } = await app.code(known, walk);
  denied(await app.redeem(code, random(48)), "invalid_grant");
});

module("par-without-duplicate-parameters", "client_id and request_uri are all that the browser needs to bring", () => happy());

plan.complete(
  `discovery-end-point-verification happy-flow user-rejects-authentication ensure-authorization-request-without-state-success
  ensure-authorization-request-without-nonce-success ensure-authorization-request-with-64-char-nonce-success ensure-other-scope-order-succeeds
  test-claims-parameter-identity-claims access-token-type-header-case-sensitivity check-dpop-proof-nbf-exp
  ensure-dpopproof-with-iat-10seconds-before-succeeds ensure-dpopproof-with-iat-10seconds-after-succeeds ensure-mismatched-dpop-jkt-fails
  ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt ensure-token-endpoint-fails-with-mismatched-dpop-jkt
  ensure-dpopproof-at-par-endpoint-binding-success ensure-dpop-auth-code-binding-success ensure-different-nonce-inside-and-outside-request-object
  ensure-different-state-inside-and-outside-request-object ensure-authorization-request-with-long-nonce ensure-authorization-request-with-long-state
  state-only-outside-request-object-not-used ensure-request-object-without-redirect-uri-fails plain-fapi-tolerate-unregistered-redirect-uri
  ensure-unsigned-authorization-request-without-using-par-fails ensure-redirect-uri-in-authorization-request ensure-response-type-code-idtoken-fails
  ensure-response-type-token-fails ensure-client-id-in-token-endpoint ensure-holder-of-key-required ensure-authorization-code-is-bound-to-client
  attempt-reuse-authorization-code-after-one-second ensure-token-endpoint-fails-with-expired-auth-code ensure-signed-client-assertion-with-RS256-fails
  ensure-client-assertion-in-token-endpoint ensure-client-assertion-with-exp-is-5-minutes-in-past-fails ensure-client-assertion-with-wrong-aud-fails
  ensure-client-assertion-with-no-sub-fails dpop-negative-tests refresh-token par-ensure-reused-request-uri-prior-to-auth-completion-succeeds
  par-attempt-reuse-request_uri par-attempt-to-use-expired-request_uri par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted
  par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails par-attempt-to-use-request_uri-for-different-client
  par-authorization-request-containing-request_uri-form-param par-attempt-invalid-http-method par-ensure-pkce-required
  ensure-pkce-code-verifier-required incorrect-pkce-code-verifier-rejected par-plain-pkce-rejected par-without-duplicate-parameters
  par-test-array-as-audience-fails par-test-par-endpoint-url-as-audience-fails par-test-token-endpoint-url-as-audience-fails`
    .split(/\s+/)
    .map((name) => `${FAPI2}-${name}`),
);
