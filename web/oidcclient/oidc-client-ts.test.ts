import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Spa, Tab, chromiumHere, through, tab } from "./spa";
import { ISSUER, PEER, createClient, newAccount, type Account, type Client, type ClientMetadata } from "./target";

let ada: Account;
let spa: Spa;
let browser: Browser;
let context: BrowserContext;
let client: Client;

/** A public client on this machine: ours has http for native apps alone, the peer asks those each time. */
const local = (more: ClientMetadata = {}): Promise<Client> =>
  createClient({ token_endpoint_auth_method: "none", application_type: PEER ? "web" : "native", redirect_uris: spa.redirects, post_logout_redirect_uris: [`${spa.origin}/out`], ...more });

beforeAll(async () => {
  [ada, spa, browser] = await Promise.all([newAccount(), Spa.open(), chromiumHere()]);
  client = await local();
});
afterEach(() => context.close());
afterAll(async () => {
  await browser.close();
  spa.close();
});

async function signedIn(of = client, more: Parameters<Spa["settings"]>[1] = {}, dpop = false): Promise<Tab> {
  context = await browser.newContext({ locale: "en-GB" });
  const app = new Tab(await tab(context), spa.settings(of.client_id, more), dpop);
  await app.signIn(ada);
  return app;
}

describe("oidc-client-ts in Chromium", () => {
  test("signs in by redirect, with the profile of userinfo", async () => {
    const { page } = await signedIn();
    const user = await page.evaluate(async () => {
      const found = await window.manager.getUser();
      return found && { profile: found.profile, expires: found.expires_in, type: found.token_type };
    });
    expect(user?.profile).toMatchObject({ iss: ISSUER, email: ada.email, name: "Ada Learner" });
    expect(user?.expires).toBeGreaterThan(60);
  });

  test("renews silently in a frame, by the session at the provider", async () => {
    const { page } = await signedIn();
    const [before, after] = await page.evaluate(async () => {
      const old = await window.manager.getUser();
      const renewed = await window.manager.signinSilent();
      return [old?.access_token, renewed?.access_token];
    });
    expect(after).toBeTruthy();
    expect(after).not.toBe(before);
  });

  test("renews by its refresh token, each of which works once", async () => {
    const { page } = await signedIn(client, { scope: "openid email offline_access", prompt: "consent" });
    const tokens = await page.evaluate(async () => {
      const seen = [(await window.manager.getUser())?.refresh_token];
      for (let times = 0; times < 2; times += 1) seen.push((await window.manager.signinSilent())?.refresh_token);
      return seen;
    });
    expect(tokens.every(Boolean)).toBe(true);
    expect(new Set(tokens).size).toBe(3);
  });

  test("signs in in a popup, which closes itself", async () => {
    const first = await signedIn();
    await first.page.evaluate(() => window.manager.removeUser());
    const [popup, email] = await Promise.all([
      first.page.waitForEvent("popup"),
      first.page.evaluate(async () => (await window.manager.signinPopup({ prompt: "login" })).profile.email),
      first.page.waitForEvent("popup").then((opened) => through(opened, ada, spa.origin).catch((fault: Error) => {
        if (!opened.isClosed()) throw fault;
      })),
    ]);
    expect(email).toBe(ada.email);
    expect(popup.isClosed()).toBe(true);
  });

  test("revokes its tokens, with CORS", async () => {
    const { page } = await signedIn(client, { scope: "openid offline_access", prompt: "consent" });
    const { userinfo, left } = await page.evaluate(async () => {
      const before = await window.manager.getUser();
      await window.manager.revokeTokens();
      const { userinfo_endpoint } = await window.manager.metadataService.getMetadata();
      const asked = await fetch(userinfo_endpoint ?? "", { headers: { authorization: `Bearer ${before?.access_token}` } });
      return { userinfo: asked.status, left: (await window.manager.getUser())?.refresh_token ?? null };
    });
    expect([userinfo, left]).toEqual([401, null]);
  });

  test("signs out at the provider and comes back", async () => {
    const app = await signedIn();
    const { page } = app;
    await page.evaluate(() => void window.manager.signoutRedirect());
    await page.locator("#sign-out").or(page.locator("h1:text-is('App')")).first().waitFor();
    if (await page.locator("#sign-out").count()) await page.click("#sign-out");
    await page.waitForURL((url) => url.href.startsWith(`${spa.origin}/out`));
    await app.ready();
    await page.evaluate(() => window.manager.signoutCallback());
    const again = page.evaluate(async () => window.manager.signinSilent().then(() => "signed in", (fault: { error?: string }) => fault.error));
    expect(await again).toBe("login_required");
  });

  test("binds its tokens with DPoP by a key that never leaves the browser", async () => {
    const bound = await local({ dpop_bound_access_tokens: true });
    // The library asks userinfo without a proof, so the app asks itself.
    const { page } = await signedIn(bound, { scope: "openid email offline_access", prompt: "consent", loadUserInfo: false }, true);
    const told = await page.evaluate(async () => {
      const ask = async (): Promise<{ email?: string }> => {
        const user = await window.manager.getUser();
        const { userinfo_endpoint: url = "" } = await window.manager.metadataService.getMetadata();
        const proof = user && (await window.manager.dpopProof(url, user, "GET"));
        return (await fetch(url, { headers: { authorization: `DPoP ${user?.access_token}`, DPoP: proof ?? "" } })).json();
      };
      const first = await ask();
      const renewed = await window.manager.signinSilent();
      return { type: renewed?.token_type, emails: [first.email, (await ask()).email] };
    });
    expect(told).toEqual({ type: "DPoP", emails: [ada.email, ada.email] });
  });
});
