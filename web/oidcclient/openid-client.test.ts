import { setTimeout as sleep } from "node:timers/promises";
import * as oidc from "openid-client";
import { beforeAll, describe, expect, test } from "vitest";
import { App, PLAIN, arrival, refusal, returned } from "./app";
import { Browser } from "./browser";
import { CALLBACK, ISSUER, newAccount, type Account } from "./target";

let ada: Account;
let app: App;
beforeAll(async () => {
  ada = await newAccount();
  app = await App.make();
});

describe("discovery", () => {
  test.each(["oidc", "oauth2"] as const)("finds the same server by the rule of %s", async (algorithm) => {
    const found = await oidc.discovery(new URL(ISSUER), app.client.client_id, undefined, oidc.None(), { ...PLAIN, algorithm });
    expect(found.serverMetadata()).toMatchObject({ issuer: ISSUER, token_endpoint: expect.stringContaining("/oauth2/token") });
    expect(found.serverMetadata().supportsPKCE()).toBe(true);
  });
});

describe("the code flow", () => {
  test("a person signs in, agrees, and the app learns who it is", async () => {
    const browser = new Browser();
    const tokens = await app.signIn(browser, ada);
    expect(browser.seen).toEqual(["sign-in", "consent"]);
    expect(tokens).toMatchObject({ token_type: "bearer", expires_in: expect.any(Number) });
    expect(tokens.refresh_token).toBeUndefined();
    const claims = tokens.claims();
    const info = await oidc.fetchUserInfo(app.config, tokens.access_token, claims?.sub ?? "");
    expect(info).toMatchObject({ sub: claims?.sub, email: ada.email, email_verified: true, name: "Ada Learner" });
  });

  test("who agreed once is not asked again, and is the same person", async () => {
    const browser = new Browser();
    const first = await app.signIn(browser, ada);
    const second = await app.signIn(browser, ada);
    expect(browser.seen.filter((page) => page === "sign-in")).toHaveLength(1);
    expect(browser.seen.filter((page) => page === "consent").length).toBeLessThanOrEqual(1);
    expect(second.claims()?.sub).toBe(first.claims()?.sub);
  });

  test("an app that needs no consent asks for none", async () => {
    const trusted = await App.make({ skip_consent: true });
    const browser = new Browser();
    expect((await trusted.signIn(browser, ada)).access_token).toBeTruthy();
    expect(browser.seen).toEqual(["sign-in"]);
  });

  test("a public client gets in with PKCE alone, and without it not at all", async () => {
    const mobile = await App.make({ token_endpoint_auth_method: "none" });
    const tokens = await mobile.signIn(new Browser(), ada);
    expect(tokens.claims()?.aud).toEqual(mobile.client.client_id);
    const url = oidc.buildAuthorizationUrl(mobile.config, { redirect_uri: CALLBACK, scope: "openid", state: "s" });
    expect(returned(await new Browser().walk(url, { as: ada, consent: "accept" })).get("error")).toBe("invalid_request");
  });

  test("who declines goes back with access_denied", async () => {
    const shy = await App.make();
    const visit = await shy.visit();
    const back = await new Browser().walk(visit.url, { as: ada, consent: "decline" });
    expect(returned(back).get("state")).toBe(visit.state);
    expect(await refusal(shy.redeem(visit, back))).toBe("access_denied");
  });

  test("a wrong password stays at the page, with a word about it", async () => {
    const { url } = await app.visit();
    const { page } = await new Browser().walk(url, { as: { ...(await newAccount()), password: "Heron-Kite77?-Brisk" }, consent: "accept" });
    expect(page?.has("#password")).toBe(true);
    expect(page?.words("#fault")).toBeTruthy();
  });

  test("a code with another verifier is worth nothing", async () => {
    const visit = await app.visit();
    const back = await new Browser().walk(visit.url, { as: ada, consent: "accept" });
    expect(await refusal(app.redeem({ ...visit, verifier: oidc.randomPKCECodeVerifier() }, back))).toBe("400 invalid_grant");
  });

  test("response_mode=form_post brings the same by a form", async () => {
    const visit = await app.visit({ response_mode: "form_post" });
    const back = await new Browser().walk(visit.url, { as: ada, consent: "accept" });
    expect(back.left?.search).toBe("");
    expect(back.post?.get("state")).toBe(visit.state);
    expect((await app.redeem(visit, back)).claims()?.nonce).toBe(visit.nonce);
  });
});

describe("what the library checks", () => {
  test("another state, another nonce, another iss or none: it takes no tokens", async () => {
    const browser = new Browser();
    const tampered = async (change: (visit: Awaited<ReturnType<App["visit"]>>, url: URL) => void): Promise<string> => {
      const visit = await app.visit();
      const back = await browser.walk(visit.url, { as: ada, consent: "accept" });
      const url = arrival(back) as URL;
      change(visit, url);
      return refusal(app.redeem(visit, { left: url }));
    };
    expect(await tampered((visit) => (visit.state = "another"))).toBe("OAUTH_INVALID_RESPONSE");
    expect(await tampered((visit) => (visit.nonce = "another"))).toBe("OAUTH_JWT_CLAIM_COMPARISON_FAILED");
    expect(await tampered((_, url) => url.searchParams.set("iss", "https://evil.example"))).toBe("OAUTH_INVALID_RESPONSE");
    expect(await tampered((_, url) => url.searchParams.delete("iss"))).toBe("OAUTH_INVALID_RESPONSE");
  });
});

describe("prompt and max_age", () => {
  test("prompt=none answers login_required to a stranger", async () => {
    expect((await app.answer(new Browser(), { prompt: "none" })).get("error")).toBe("login_required");
  });

  test("prompt=none answers consent_required before anybody agreed, and is silent afterwards", async () => {
    const fresh = await App.make();
    const browser = new Browser();
    await app.signIn(browser, ada);
    expect((await fresh.answer(browser, { prompt: "none" })).get("error")).toBe("consent_required");
    const tokens = await fresh.signIn(browser, ada);
    const visit = await fresh.visit({ prompt: "none" });
    const again = await fresh.redeem(visit, await browser.walk(visit.url));
    expect(again.claims()).toMatchObject({ sub: tokens.claims()?.sub, auth_time: tokens.claims()?.auth_time });
  });

  /** Attack D19. */
  test("prompt=none with a scope that nobody agreed to answers consent_required", async () => {
    const fresh = await App.make();
    const browser = new Browser();
    await fresh.signIn(browser, ada, { scope: "openid" });
    expect((await fresh.answer(browser, { prompt: "none", scope: "openid email" })).get("error")).toBe("consent_required");
  });

  test("prompt=login and an old sign-in ask for the password again", async () => {
    const browser = new Browser();
    const first = await app.signIn(browser, ada);
    await sleep(2_100);
    const visit = await app.visit({ max_age: "1" });
    const back = await browser.walk(visit.url, { as: ada, consent: "accept" });
    const aged = await app.redeem(visit, back, { maxAge: 1 });
    const again = await app.signIn(browser, ada, { prompt: "login" });
    const times = [first, aged, again].map((tokens) => tokens.claims()?.auth_time ?? 0);
    expect(browser.seen.filter((page) => page === "sign-in")).toHaveLength(3);
    expect(times[1]).toBeGreaterThan(times[0] ?? 0);
    expect(times[2]).toBeGreaterThanOrEqual(times[1] ?? 0);
  });

  test("a sign-in that is young enough is taken", async () => {
    const browser = new Browser();
    await app.signIn(browser, ada);
    const visit = await app.visit({ max_age: "10000" });
    const tokens = await app.redeem(visit, await browser.walk(visit.url, { consent: "accept" }), { maxAge: 10_000 });
    expect(tokens.claims()?.auth_time).toBeGreaterThan(0);
  });

  test("prompt=consent asks again", async () => {
    const browser = new Browser();
    await app.signIn(browser, ada, { prompt: "consent" });
    await app.signIn(browser, ada, { prompt: "consent" });
    expect(browser.seen).toEqual(["sign-in", "consent", "consent"]);
  });
});
