import { createRemoteJWKSet, jwtVerify, type JWTPayload } from "jose";
import * as oidc from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { App, arrival, refusal, type Tokens } from "./app";
import { Browser, type Stop } from "./browser";
import { Receiver } from "./receiver";
import { ISSUER, SIGNED_OUT, newAccount, type Account } from "./target";

const EVENT = "http://schemas.openid.net/event/backchannel-logout";

let ada: Account;
let app: App;
let receiver: Receiver;
beforeAll(async () => {
  [ada, receiver] = [await newAccount(), await Receiver.open()];
  app = await App.make();
});
afterAll(() => receiver.close());

/** Out by the library's URL, and by the page's button where one is shown. */
async function signOut(browser: Browser, by: App, parameters: Record<string, string>): Promise<Stop> {
  return confirmed(browser, await browser.open(oidc.buildEndSessionUrl(by.config, parameters)));
}

async function confirmed(browser: Browser, stop: Stop): Promise<Stop> {
  return stop.page?.has("#sign-out") ? browser.send(stop.page.press("#sign-out"), stop.page) : stop;
}

const hint = (tokens: Tokens): string => tokens.id_token ?? "";
const silent = async (browser: Browser): Promise<string | null> => (await app.answer(browser, { prompt: "none" })).get("error");

describe("RP-initiated logout", () => {
  test("ends the session and comes back with the state", async () => {
    const browser = new Browser();
    const tokens = await app.signIn(browser, ada);
    const stop = await signOut(browser, app, { id_token_hint: hint(tokens), post_logout_redirect_uri: SIGNED_OUT, state: "here again" });
    expect((arrival(stop) as URL).href).toBe(`${SIGNED_OUT}?state=here+again`);
    expect(await silent(browser)).toBe("login_required");
    expect(await refusal(oidc.fetchUserInfo(app.config, tokens.access_token, oidc.skipSubjectCheck))).toBe("401 invalid_token");
  });

  test("an address that is not registered is led to by nothing", async () => {
    const browser = new Browser();
    const tokens = await app.signIn(browser, ada);
    const stop = await signOut(browser, app, { id_token_hint: hint(tokens), post_logout_redirect_uri: "https://evil.example/" });
    expect(stop.left).toBeUndefined();
    expect(stop.page?.has("#error")).toBe(true);
  });

  /** Attack C12. */
  test("without a hint a person is asked, and who stays is signed in", async () => {
    const browser = new Browser();
    await app.signIn(browser, ada);
    const { page } = await browser.open(oidc.buildEndSessionUrl(app.config));
    expect(page?.has("#sign-out")).toBe(true);
    expect(await silent(browser)).toBeNull();
    if (page) await browser.send(page.press("#stay"), page);
    expect(await silent(browser)).not.toBe("login_required");
    await signOut(browser, app, {});
    expect(await silent(browser)).toBe("login_required");
  });
});

describe("back-channel logout", () => {
  /** The logout token as an app must check it. */
  async function verified(token: string | null, audience: string): Promise<JWTPayload> {
    const keys = createRemoteJWKSet(new URL(app.config.serverMetadata().jwks_uri ?? ""));
    const { payload, protectedHeader } = await jwtVerify(token ?? "", keys, { issuer: ISSUER, audience, maxTokenAge: "2 minutes", requiredClaims: ["jti", "iat", "events"] });
    expect(protectedHeader.typ).toBe("logout+jwt");
    expect(payload["events"]).toEqual({ [EVENT]: {} });
    expect(payload).not.toHaveProperty("nonce");
    return payload;
  }

  test("every app of a sign-in is told by a token, once the person signs out", async () => {
    const browser = new Browser();
    const told = { backchannel_logout_uri: receiver.url, backchannel_logout_session_required: true };
    const [one, two] = [await App.make(told), await App.make(told)];
    const [first, second] = [await one.signIn(browser, ada), await two.signIn(browser, ada)];
    await signOut(browser, one, { id_token_hint: hint(first), post_logout_redirect_uri: SIGNED_OUT });
    const arrived = await receiver.first(2);
    for (const { method, type } of arrived) expect([method, type.split(";")[0]]).toEqual(["POST", "application/x-www-form-urlencoded"]);
    const claims = [];
    for (const [by, tokens] of [[one, first], [two, second]] as const) {
      const meant = arrived.map(({ form }) => form.get("logout_token")).find((token) => token && audienceOf(token).includes(by.client.client_id));
      const payload = await verified(meant ?? null, by.client.client_id);
      expect(payload).toMatchObject({ sub: tokens.claims()?.sub, sid: tokens.claims()?.["sid"] });
      claims.push(payload.jti);
    }
    expect(new Set(claims).size).toBe(2);
  });
});

const audienceOf = (token: string): unknown[] => [(JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as JWTPayload).aud].flat();
