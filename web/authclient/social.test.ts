import { createHash, randomInt } from "node:crypto";
import { describe, expect, test } from "vitest";
import { PASSWORD, Person, SESSION, freshEmail, ok, refusal, seen } from "./person";
import { BASE, PEER } from "./target";
import { differs, oursAlone } from "./differs";

const STATE = "better-auth.state";
type Provider = "google" | "github";

/** What a provider says of somebody. */
interface Profile {
  sub: string;
  email: string;
  email_verified: boolean;
  name: string;
}

function profile(more: Partial<Profile> = {}): Profile {
  return { sub: String(randomInt(1, 2 ** 47)), email: freshEmail(), email_verified: true, name: "Ada", ...more };
}

/** The provider's page, where the person says yes: the code that it sends them back with. */
function codeFor(authorize: URL, who: Profile): string {
  const asked = authorize.searchParams;
  const said = { ...who, challenge: asked.get("code_challenge"), nonce: asked.get("nonce") ?? undefined, scope: asked.get("scope") };
  return Buffer.from(JSON.stringify(said)).toString("base64url");
}

/** Opens the callback as the browser does; tells where it leads. */
async function callback(person: Person, path: string): Promise<string> {
  const before = person.jar.seen.length;
  await person.jar.fetch(new URL(path, BASE));
  const location = person.jar.seen[before]?.headers.get("location") ?? "";
  return new URL(location, BASE).href;
}

async function sendBack(person: Person, authorize: URL, answer: Record<string, string>): Promise<string> {
  const back = new URL(authorize.searchParams.get("redirect_uri") ?? "");
  const state = authorize.searchParams.get("state") ?? "";
  const query = new URLSearchParams({ state, ...answer });
  return callback(person, `${back.pathname}?${query}`);
}

const AROUND = { callbackURL: "/learn", newUserCallbackURL: "/welcome", errorCallbackURL: "/sign-in" };

async function begun(person: Person, provider: Provider): Promise<URL> {
  const { url } = ok(await person.auth.signIn.social({ provider, ...AROUND }));
  return new URL(url ?? "");
}

/** To the provider and back, as a new person or an old one. Tells where they land. */
async function through(person: Person, provider: Provider, who: Profile): Promise<string> {
  const authorize = await begun(person, provider);
  return sendBack(person, authorize, { code: codeFor(authorize, who) });
}

/** An ID token as an app on a phone has it: by a code that the app itself asked for. */
async function idTokenFor(who: Profile): Promise<string> {
  const asking = await begun(new Person(), "google");
  const verifier = "v".repeat(64);
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const code = Buffer.from(JSON.stringify({ ...who, challenge, scope: "openid" })).toString("base64url");
  const form = { grant_type: "authorization_code", code, code_verifier: verifier, client_id: asking.searchParams.get("client_id") ?? "" };
  const answer = await fetch(`${process.env["INTELLISTACK_SOCIAL"]}/google/token`, { method: "POST", body: new URLSearchParams(form) });
  return ((await answer.json()) as { id_token: string }).id_token;
}

/** The server has to be told where the scripted providers are; without, this is left out. */
const asked = await new Person().auth.signIn.social({ provider: "google", callbackURL: "/" });
const configured = asked.error?.code !== "PROVIDER_NOT_FOUND" && asked.error?.status !== 404;
const scripted = configured && process.env["INTELLISTACK_SOCIAL"] !== undefined;

test("signIn.social: 404 PROVIDER_NOT_FOUND for one that is not set up", async () => {
  const answer = await new Person().auth.signIn.social({ provider: "gitlab", callbackURL: "/" });
  expect([refusal(answer), answer.error?.message]).toEqual(["404 PROVIDER_NOT_FOUND", "Provider not found"]);
});

describe.skipIf(!configured)("signIn.social", () => {
  test("google: answers with the address to go to, a Location, and the state's cookie", async () => {
    const ada = new Person();
    const answer = ok(await ada.auth.signIn.social({ provider: "google", ...AROUND }));
    expect(answer).toMatchObject({ redirect: true, url: expect.any(String) });
    expect(ada.jar.last.headers.get("location")).toBe(answer.url);
    expect(ada.jar.set(STATE)?.attributes).toMatchObject({ httponly: "", path: "/" });
    const query = Object.fromEntries(new URL(answer.url ?? "").searchParams);
    expect(query).toMatchObject({
      response_type: "code", client_id: expect.any(String), redirect_uri: `${BASE}/api/auth/callback/google`,
      code_challenge_method: "S256", code_challenge: expect.stringMatching(/^[\w-]{43}$/), state: expect.stringMatching(/^[\w-]{32,}$/),
    });
    expect(new Set(query["scope"]?.split(" "))).toEqual(new Set(["openid", "email", "profile"]));
  });

  differs("the state's cookie lives", "as long as the state: who has to look for a second factor at the provider comes back in time", {
    ours: "600",
    peer: "300",
    got: async () => {
      const ada = new Person();
      ok(await ada.auth.signIn.social({ provider: "google", ...AROUND }));
      return ada.jar.set(STATE)?.attributes["max-age"];
    },
  });

  test("github: asks for the profile and the addresses, with PKCE", async () => {
    const url = await begun(new Person(), "github");
    expect(new Set(url.searchParams.get("scope")?.split(" "))).toEqual(new Set(["read:user", "user:email"]));
    expect(url.searchParams.get("redirect_uri")).toBe(`${BASE}/api/auth/callback/github`);
    expect(url.searchParams.get("code_challenge_method")).toBe("S256");
  });

  test("disableRedirect leaves the page where it is; scopes and loginHint are passed on", async () => {
    const ada = new Person();
    const more = { disableRedirect: true, scopes: ["calendar"], loginHint: "ada@example.test" };
    const { url, redirect } = ok(await ada.auth.signIn.social({ provider: "google", callbackURL: "/", ...more }));
    expect(redirect).toBe(false);
    const query = new URL(url ?? "").searchParams;
    expect(query.get("scope")?.split(" ")).toContain("calendar");
    expect(query.get("login_hint")).toBe("ada@example.test");
  });

  test("403 for pages of another site: callbackURL, errorCallbackURL, newUserCallbackURL", async () => {
    const { auth } = new Person();
    const evil = "https://evil.example/";
    const refusals = [];
    for (const more of [{ callbackURL: evil }, { errorCallbackURL: evil }, { newUserCallbackURL: evil }]) {
      refusals.push(refusal(await auth.signIn.social({ provider: "google", ...more })));
    }
    expect(refusals).toEqual(["403 INVALID_CALLBACK_URL", "403 INVALID_ERROR_CALLBACK_URL", "403 INVALID_NEW_USER_CALLBACK_URL"]);
  });

  test("an ID token that is none: 401 INVALID_TOKEN", async () => {
    const answer = await new Person().auth.signIn.social({ provider: "google", idToken: { token: "x.y.z" } });
    expect(refusal(answer)).toBe("401 INVALID_TOKEN");
  });
});

describe.skipIf(!scripted)("coming back from the provider", () => {
  test.each<Provider>(["google", "github"])("%s: a new person lands on newUserCallbackURL, signed in and confirmed", async (provider) => {
    const [ada, who] = [new Person(), profile()];
    expect(await through(ada, provider, who)).toBe(`${BASE}/welcome`);
    expect(ada.jar.set(SESSION)?.attributes["max-age"]).toBe("604800");
    expect(ada.jar.cookies.has(STATE)).toBe(false);
    expect((await ada.session())?.user).toMatchObject({ email: who.email, emailVerified: true, name: "Ada", role: "student" });
  });

  test.each<Provider>(["google", "github"])("%s: the same person lands on callbackURL the next time", async (provider) => {
    const who = profile();
    const [first, second] = [new Person(), new Person()];
    await through(first, provider, who);
    expect(await through(second, provider, who)).toBe(`${BASE}/learn`);
    expect(await second.id()).toBe(await first.id());
  });

  test("google: an ID token that an app brings along signs in, without a redirect", async () => {
    const [ada, who] = [new Person(), profile()];
    const answer = ok(await ada.auth.signIn.social({ provider: "google", idToken: { token: await idTokenFor(who) } }));
    expect(answer).toMatchObject({ redirect: false, token: expect.any(String), user: { email: who.email } });
    expect((await ada.session())?.user).toMatchObject({ email: who.email, emailVerified: true });
  });

  test("an account of the same confirmed address is linked", async () => {
    const ada = await Person.verified();
    const other = new Person();
    expect(await through(other, "google", profile({ email: ada.email }))).toBe(`${BASE}/learn`);
    expect(await other.id()).toBe(await ada.id());
  });

  test("account_not_linked: the address was not confirmed here, or not there", async () => {
    const [unconfirmed, confirmed] = [await Person.signedUp(), await Person.verified()];
    const back = await through(new Person(), "google", profile({ email: unconfirmed.email }));
    expect(back).toBe(`${BASE}/sign-in?error=account_not_linked`);
    const again = await through(new Person(), "google", profile({ email: confirmed.email, email_verified: false }));
    expect(again).toBe(`${BASE}/sign-in?error=account_not_linked`);
  });

  test("access_denied: the person said no", async () => {
    const ada = new Person();
    const back = await sendBack(ada, await begun(ada, "google"), { error: "access_denied" });
    expect(back).toMatch(/\/sign-in\?error=access_denied/);
    expect(await ada.session()).toBeNull();
  });

  test("state_mismatch: an answer that is used again, from another browser, or to no question", async () => {
    const [ada, eve] = [new Person(), new Person()];
    const authorize = await begun(ada, "google");
    const code = codeFor(authorize, profile());
    expect(await sendBack(eve, authorize, { code })).toContain("error=state_mismatch");
    const fresh = await begun(ada, "google");
    const answer = { code: codeFor(fresh, profile()) };
    expect(await sendBack(ada, fresh, answer)).toBe(`${BASE}/welcome`);
    expect(await sendBack(ada, fresh, answer)).toContain("error=state_mismatch");
    const unasked = await callback(eve, `/api/auth/callback/google?code=x&state=${"x".repeat(32)}`);
    expect(unasked).toBe(`${BASE}/api/auth/error?error=state_mismatch`);
    expect(await eve.session()).toBeNull();
  });
});

describe.skipIf(!scripted)("accounts of providers", () => {
  /** Signed up with a password, confirmed, and Google linked. */
  async function linked(): Promise<{ ada: Person; rowId: string; sub: string }> {
    const ada = await Person.verified();
    const who = profile({ email: ada.email });
    const { url } = ok(await ada.auth.linkSocial({ provider: "google", callbackURL: "/account" }));
    const authorize = new URL(url ?? "");
    expect(await sendBack(ada, authorize, { code: codeFor(authorize, who) })).toBe(`${BASE}/account`);
    const row = ok(await ada.auth.listAccounts()).find(({ providerId }) => providerId === "google");
    return { ada, rowId: row?.id ?? "", sub: who.sub };
  }

  test("linkSocial adds one, and listAccounts shows it with its scopes", async () => {
    const { ada, sub } = await linked();
    const google = ok(await ada.auth.listAccounts()).find(({ providerId }) => providerId === "google");
    expect(google).toMatchObject({ accountId: sub, createdAt: expect.any(Date) });
    expect(google?.scopes).toContain("email");
  });

  test("linkSocial: email_doesn't_match for another address", async () => {
    const ada = await Person.verified();
    const { url } = ok(await ada.auth.linkSocial({ provider: "google", callbackURL: "/account", errorCallbackURL: "/oops" }));
    const authorize = new URL(url ?? "");
    expect(await sendBack(ada, authorize, { code: codeFor(authorize, profile()) })).toMatch(/\/oops\?error=email_doe/);
  });

  test("linkSocial: 401 UNAUTHORIZED for somebody who is not signed in", async () => {
    expect(refusal(await new Person().auth.linkSocial({ provider: "google" }))).toBe("401 UNAUTHORIZED");
  });

  test("unlinkAccount by the row's id", async () => {
    const { ada, rowId } = await linked();
    expect(ok(await ada.named.unlinkAccount({ accountId: rowId }))).toEqual({ status: true });
    expect(ok(await ada.auth.listAccounts()).map(({ providerId }) => providerId)).toEqual(["credential"]);
  });

  oursAlone("unlinkAccount by provider, and by provider with its id of the person", "the shape of older clients", async () => {
    for (const withId of [false, true]) {
      const { ada, sub } = await linked();
      const body = withId ? { providerId: "google", accountId: sub } : { providerId: "google" };
      expect(ok(await ada.named.unlinkAccount(body))).toEqual({ status: true });
      expect(ok(await ada.auth.listAccounts()).map(({ providerId }) => providerId)).toEqual(["credential"]);
    }
  });

  test("unlinkAccount: 400 ACCOUNT_NOT_FOUND for one of somebody else", async () => {
    const [{ rowId }, { ada }] = [await linked(), await linked()];
    expect(refusal(await ada.named.unlinkAccount({ accountId: rowId }))).toBe("400 ACCOUNT_NOT_FOUND");
  });

  test("getAccessToken answers with the provider's, and its scopes", async () => {
    const { ada, rowId } = await linked();
    const answer = ok(await ada.named.getAccessToken({ accountId: rowId }));
    expect(answer).toMatchObject({ accessToken: expect.any(String), scopes: expect.arrayContaining(["email"]) });
  });

  test("refreshToken gets a new one from the provider", async () => {
    const { ada, rowId } = await linked();
    const before = ok(await ada.named.getAccessToken({ accountId: rowId }));
    const answer = ok(await ada.named.refreshToken({ accountId: rowId }));
    expect(answer).toMatchObject({ accessToken: expect.any(String), providerId: "google", accountId: rowId });
    expect(answer["accessToken"]).not.toBe(before["accessToken"]);
  });

  test("refreshToken: 400 REFRESH_TOKEN_NOT_FOUND where the provider gave none", async () => {
    const ada = new Person();
    await through(ada, "github", profile());
    const [row] = ok(await ada.auth.listAccounts());
    expect(refusal(await ada.named.refreshToken({ accountId: row?.id ?? "" }))).toBe("400 REFRESH_TOKEN_NOT_FOUND");
  });

  test("accountInfo shows what the provider says of the person", async () => {
    const { ada, rowId, sub } = await linked();
    const answer = seen(await ada.named.accountInfo({ query: { accountId: rowId } }));
    expect(answer).toMatchObject({
      user: { email: ada.email, emailVerified: true, name: "Ada" },
      account: { id: rowId, providerId: "google", accountId: sub },
      data: expect.any(Object),
    });
  });

  test("who signed up with a provider may not take it away, and has no password", async () => {
    const [ada, who] = [new Person(), profile()];
    await through(ada, "google", who);
    const [row] = ok(await ada.auth.listAccounts());
    expect(refusal(await ada.named.unlinkAccount({ accountId: row?.id ?? "" }))).toBe("400 FAILED_TO_UNLINK_LAST_ACCOUNT");
    const { email } = who;
    expect(refusal(await ada.auth.signIn.email({ email, password: PASSWORD }))).toBe("401 INVALID_EMAIL_OR_PASSWORD");
  });
});

test.runIf(PEER)("the reference has its scripted providers", () => expect(scripted).toBe(true));
