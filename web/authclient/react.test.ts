// @vitest-environment jsdom
// The React entry of the client: its useSession, which every page hangs on, and when it asks again.
import { createAuthClient } from "better-auth/react";
import { adminClient, twoFactorClient } from "better-auth/client/plugins";
import { createElement } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Jar } from "./jar";
import { OTHER_PASSWORD, PASSWORD, freshEmail, ok } from "./person";
import { BASE, account } from "./target";

function reactClient(jar: Jar) {
  const plugins = [adminClient(), twoFactorClient()];
  return createAuthClient({ baseURL: BASE, plugins, fetchOptions: { customFetchImpl: jar.fetch } });
}

/** A page that shows who is signed in. */
class Page {
  readonly jar = new Jar(BASE);
  readonly auth = reactClient(this.jar);
  readonly email = freshEmail();
  readonly #element = document.createElement("div");
  readonly #root: Root = createRoot(this.#element);

  constructor() {
    const { auth } = this;
    function Who() {
      const { data, isPending, error } = auth.useSession();
      const made = data?.session.createdAt instanceof Date;
      const who = data ? `${data.user.name} ${data.user.role} ${made}` : "nobody";
      return createElement("p", null, error ? `error ${error.status}` : isPending ? "pending" : who);
    }
    this.#root.render(createElement(Who));
  }

  /** Until the page shows this. */
  async shows(text: string): Promise<void> {
    await expect.poll(() => this.#element.textContent, { timeout: 20_000 }).toBe(text);
  }

  /** How often the session was asked for so far. */
  get asked(): number {
    return this.jar.seen.filter(({ path }) => path === "/api/auth/get-session").length;
  }

  async signUp(): Promise<void> {
    ok(await this.auth.signUp.email({ name: "Ada", email: this.email, password: PASSWORD }));
    await this.shows("Ada student true");
  }

  close(): void {
    this.#root.unmount();
  }
}

let page: Page;
beforeEach(async () => {
  page = new Page();
  await page.shows("nobody");
});
afterEach(() => page.close());
// The client lets go of the window a second after the page did.
afterAll(() => new Promise((gone) => setTimeout(gone, 1_200)));

/** The session is asked for again after this, and once. */
async function asksAgain(what: () => Promise<unknown>): Promise<void> {
  const before = page.asked;
  await what();
  await expect.poll(() => page.asked, { timeout: 20_000 }).toBe(before + 1);
}

describe("useSession", () => {
  test("is pending at first, then nobody: asked for once", () => expect(page.asked).toBe(1));

  test("shows who signs up, with dates revived", () => page.signUp());

  test("shows who signs in, and nobody after signOut", async () => {
    await page.signUp();
    await asksAgain(() => page.auth.signOut());
    await page.shows("nobody");
    await asksAgain(() => page.auth.signIn.email({ email: page.email, password: PASSWORD }));
    await page.shows("Ada student true");
  });

  test("shows a new name after updateUser", async () => {
    await page.signUp();
    await asksAgain(async () => ok(await page.auth.updateUser({ name: "Grace" })));
    await page.shows("Grace student true");
  });

  test("asks again after changePassword, changeEmail, revokeSession and revokeOtherSessions", async () => {
    await page.signUp();
    const change = { currentPassword: PASSWORD, newPassword: OTHER_PASSWORD, revokeOtherSessions: true };
    await asksAgain(async () => ok(await page.auth.changePassword(change)));
    await asksAgain(async () => ok(await page.auth.changeEmail({ newEmail: freshEmail() })));
    await asksAgain(async () => ok(await page.auth.revokeSession({ token: "x".repeat(32) })));
    await asksAgain(async () => ok(await page.auth.revokeOtherSessions()));
    await page.shows("Ada student true");
  });

  test("shows nobody after revokeSessions, and after deleteUser", async () => {
    await page.signUp();
    await asksAgain(async () => ok(await page.auth.revokeSessions()));
    await page.shows("nobody");
    ok(await page.auth.signIn.email({ email: page.email, password: PASSWORD }));
    await page.shows("Ada student true");
    await asksAgain(async () => ok(await page.auth.deleteUser({ password: PASSWORD })));
    await page.shows("nobody");
  });

  test("asks again after each call of two-factor", async () => {
    await page.signUp();
    await asksAgain(async () => ok(await page.auth.twoFactor.enable({ password: PASSWORD })));
    await page.shows("Ada student true");
  });

  test("shows the impersonated user, and the admin again", async () => {
    await page.signUp();
    const learner = ok(await page.auth.getSession());
    const { email, password } = account("admin");
    const admin = new Page();
    await admin.shows("nobody");
    ok(await admin.auth.signIn.email({ email, password }));
    await expect.poll(() => admin.auth.$store.atoms["session"]?.get().data?.user.role).toBe("admin");
    ok(await admin.auth.admin.impersonateUser({ userId: learner.user.id }));
    await admin.shows("Ada student true");
    ok(await admin.auth.admin.stopImpersonating());
    await expect.poll(() => admin.auth.$store.atoms["session"]?.get().data?.user.role).toBe("admin");
    admin.close();
  });

  test("does not ask again after calls that only read", async () => {
    await page.signUp();
    const before = page.asked;
    ok(await page.auth.listSessions());
    ok(await page.auth.listAccounts());
    await new Promise((later) => setTimeout(later, 100));
    expect(page.asked).toBe(before);
  });

  test("does not ask again after a call that was refused", async () => {
    await page.signUp();
    const before = page.asked;
    await page.auth.signIn.email({ email: page.email, password: OTHER_PASSWORD });
    await new Promise((later) => setTimeout(later, 100));
    expect(page.asked).toBe(before);
  });

  test("asks again when the window is looked at again", async () => {
    await page.signUp();
    const visible = vi.spyOn(document, "visibilityState", "get").mockReturnValue("visible");
    await asksAgain(async () => document.dispatchEvent(new Event("visibilitychange")));
    visible.mockRestore();
  });

  test("refetch asks when it is told to", async () => {
    await page.signUp();
    await asksAgain(() => page.auth.$store.atoms["session"]?.get().refetch());
  });
});
