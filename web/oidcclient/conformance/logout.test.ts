import { SignJWT, createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { afterAll, beforeAll, expect } from "vitest";
import { arrival, key } from "../app";
import { Browser, type Stop, type Walk } from "../browser";
import { Receiver } from "../receiver";
import { ISSUER, SIGNED_OUT } from "../target";
import { happy, refused } from "./checks";
import { Plan } from "./module";
import { Rp, random, somebody, stayed } from "./rp";

const plan = new Plan("oidcc-rp-initiated-logout-certification-test-plan", import.meta.url);
const back = new Plan("oidcc-backchannel-rp-initiated-logout-certification-test-plan", import.meta.url);
let rp: Rp;
let walk: Walk;
let receiver: Receiver;
beforeAll(async () => {
  [rp, walk, receiver] = [await Rp.make(), await somebody(), await Receiver.open()];
});
afterAll(() => receiver.close());

interface Visit {
  browser: Browser;
  id_token: string;
}

async function signedIn(by = rp): Promise<Visit> {
  const browser = new Browser();
  const { tokens } = await happy(by, browser, walk);
  return { browser, id_token: tokens.id_token ?? "" };
}

/** To the end session endpoint, and through the page that asks whether that is meant. */
async function leave(browser: Browser, parameters: Record<string, string>): Promise<Stop> {
  const url = new URL(rp.server.end_session_endpoint);
  url.search = new URLSearchParams(parameters).toString();
  const stop = await browser.open(url);
  return stop.page?.has("#sign-out") ? browser.send(stop.page.press("#sign-out"), stop.page) : stop;
}

/** Nobody is signed in there any more. */
async function gone(browser: Browser): Promise<void> {
  const sent = rp.request({ prompt: "none" });
  refused(await rp.authorize(browser, sent, {}), sent, ["login_required", "interaction_required"]);
}

async function still(browser: Browser): Promise<void> {
  const sent = rp.request({ prompt: "none" });
  expect((await rp.authorize(browser, sent, {})).left?.searchParams.get("error") ?? null).toBeNull();
}

function errorPage(stop: Stop): void {
  expect(stop.left?.href).toBeUndefined();
  expect(stop.page?.has("#error")).toBe(true);
  expect(stop.page?.status).toBeGreaterThanOrEqual(400);
}

plan.module("oidcc-rp-initiated-logout-discovery-endpoint-verification", "the end session endpoint is advertised", async () => {
  expect(new URL(rp.server.end_session_endpoint).origin).toBe(new URL(ISSUER).origin);
});

plan.module("oidcc-rp-initiated-logout", "back to the app with its state, and nobody is signed in", async () => {
  const { browser, id_token } = await signedIn();
  const state = random();
  const stop = await leave(browser, { id_token_hint: id_token, post_logout_redirect_uri: SIGNED_OUT, state });
  expect((arrival(stop) as URL).href).toBe(`${SIGNED_OUT}?state=${state}`);
  await gone(browser);
});

/** Attack D20. */
plan.module("oidcc-rp-initiated-logout-bad-post-logout-redirect-uri", "an error page", async () => {
  const { browser, id_token } = await signedIn();
  errorPage(await leave(browser, { id_token_hint: id_token, post_logout_redirect_uri: `${SIGNED_OUT}/other`, state: random() }));
});

/** Attack D20. */
plan.module("oidcc-rp-initiated-logout-modified-id-token-hint", "a hint with alg none: an error page", async () => {
  const { browser, id_token } = await signedIn();
  const [, claims] = id_token.split(".");
  const forged = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${claims}.`;
  errorPage(await leave(browser, { id_token_hint: forged, post_logout_redirect_uri: SIGNED_OUT, state: random() }));
  await still(browser);
});

/** Attack D20. */
plan.module("oidcc-rp-initiated-logout-bad-id-token-hint", "a hint that another key signed: an error page", async () => {
  const { browser, id_token } = await signedIn();
  const { privateKey } = await key("RS256");
  const forged = await new SignJWT(decodeJwt(id_token)).setProtectedHeader({ alg: "RS256", kid: "foreign" }).sign(privateKey);
  errorPage(await leave(browser, { id_token_hint: forged, post_logout_redirect_uri: SIGNED_OUT, state: random() }));
  await still(browser);
});

plan.module("oidcc-rp-initiated-logout-no-id-token-hint", "an address without a hint is led to by nothing", async () => {
  const { browser } = await signedIn();
  expect(stayed(await leave(browser, { post_logout_redirect_uri: SIGNED_OUT, state: random() }))).toBe(true);
});

plan.module("oidcc-rp-initiated-logout-no-params", "a person is asked, then signed out, on a page of ours", async () => {
  const { browser } = await signedIn();
  expect(stayed(await leave(browser, {}))).toBe(true);
  await gone(browser);
});

plan.module("oidcc-rp-initiated-logout-no-post-logout-redirect-uri", "signed out, on a page of ours", async () => {
  const { browser, id_token } = await signedIn();
  const stop = await leave(browser, { id_token_hint: id_token, state: random() });
  expect([stayed(stop), stop.page?.status]).toEqual([true, 200]);
  await gone(browser);
});

plan.module("oidcc-rp-initiated-logout-no-state", "back to the app without one", async () => {
  const { browser, id_token } = await signedIn();
  const stop = await leave(browser, { id_token_hint: id_token, post_logout_redirect_uri: SIGNED_OUT });
  expect((arrival(stop) as URL).href).toBe(SIGNED_OUT);
  await gone(browser);
});

plan.module("oidcc-rp-initiated-logout-only-state", "signed out, on a page of ours", async () => {
  const { browser } = await signedIn();
  const stop = await leave(browser, { state: random() });
  expect([stayed(stop), stop.page?.status]).toEqual([true, 200]);
  await gone(browser);
});

plan.module("oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri", "the registered address with a query more: an error page", async () => {
  const { browser, id_token } = await signedIn();
  errorPage(await leave(browser, { id_token_hint: id_token, post_logout_redirect_uri: `${SIGNED_OUT}?foo=bar`, state: random() }));
});

plan.complete([
  "oidcc-rp-initiated-logout-discovery-endpoint-verification", "oidcc-rp-initiated-logout", "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri",
  "oidcc-rp-initiated-logout-modified-id-token-hint", "oidcc-rp-initiated-logout-no-id-token-hint", "oidcc-rp-initiated-logout-no-params",
  "oidcc-rp-initiated-logout-no-post-logout-redirect-uri", "oidcc-rp-initiated-logout-no-state", "oidcc-rp-initiated-logout-only-state",
  "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri", "oidcc-rp-initiated-logout-bad-id-token-hint",
]);

back.module("oidcc-backchannel-logout-discovery-endpoint-verification", "it is advertised, with sessions, and the end session endpoint", async () => {
  expect(rp.server).toMatchObject({ backchannel_logout_supported: true, backchannel_logout_session_supported: true, end_session_endpoint: expect.any(String) });
});

back.module("oidcc-backchannel-rp-initiated-logout", "the logout token arrives, the browser comes back, nobody is signed in", async () => {
  const app = await Rp.make({ backchannel_logout_uri: receiver.url, backchannel_logout_session_required: true });
  const { browser, id_token } = await signedIn(app);
  const state = random();
  const stop = await leave(browser, { id_token_hint: id_token, post_logout_redirect_uri: SIGNED_OUT, state });
  expect((arrival(stop) as URL).searchParams.get("state")).toBe(state);
  const [arrived] = await receiver.first(1);
  expect([arrived?.method, arrived?.type, [...(arrived?.form.keys() ?? [])]]).toEqual(["POST", expect.stringMatching(/^application\/x-www-form-urlencoded/), ["logout_token"]]);
  const { payload, protectedHeader } = await jwtVerify(arrived?.form.get("logout_token") ?? "", createRemoteJWKSet(new URL(app.server.jwks_uri)), { issuer: ISSUER, audience: app.client.client_id });
  const { sub, sid } = decodeJwt(id_token);
  expect(protectedHeader).toMatchObject({ alg: "RS256", typ: "logout+jwt" });
  expect(payload).toMatchObject({ sub, sid, jti: expect.any(String), iat: expect.any(Number), exp: expect.any(Number), events: { "http://schemas.openid.net/event/backchannel-logout": {} } });
  expect(Number(payload.exp) - Number(payload.iat)).toBeLessThanOrEqual(120);
  expect(payload).not.toHaveProperty("nonce");
  await gone(browser);
});

back.complete(["oidcc-backchannel-logout-discovery-endpoint-verification", "oidcc-backchannel-rp-initiated-logout"]);
