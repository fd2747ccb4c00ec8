// A forgotten password, a new one, another address, and the end of an account, on the pages.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PASSWORD, asLearner, base, freshEmail, launch, looks, mailedLink, newPage } from "./harness.mjs";

const NEXT = "Harbour-Lamp43!-Quiet";

let session;
before(async () => {
  session = await launch();
});
after(() => session?.close());

async function signIn(page, email, password) {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

const signedIn = (page) => page.locator(".course").first().waitFor();

test("a forgotten password is replaced by way of a mailed link", async () => {
  const page = await newPage(session.browser);
  const { email } = await asLearner(page);
  await page.request.post(`${base}/api/auth/sign-out`, { headers: { origin: base }, data: {} });
  await page.goto("/sign-in");
  await page.getByRole("link", { name: "Forgotten your password?" }).click();
  await page.getByLabel("E-mail").fill(email);
  await looks(page, "24-forgot");
  await page.getByRole("button", { name: "Mail me a link" }).click();
  await page.getByRole("heading", { name: "Check your mail" }).waitFor();

  await page.goto(await mailedLink(page, email, "reset-password"));
  assert.doesNotMatch(page.url(), /token/, "the token does not stay in the address");
  await page.locator("#password").fill(NEXT);
  await page.locator("#again").fill("something else");
  await page.locator("#choose").click();
  await page.locator("#fault").waitFor();
  await page.locator("#password").fill(NEXT);
  await page.locator("#again").fill(NEXT);
  await page.locator("#choose").click();
  await page.locator("#password").waitFor({ state: "detached" });

  await signIn(page, email, NEXT);
  await signedIn(page);
});

test("the account page changes the password and the address, and deletes the account", async () => {
  const page = await newPage(session.browser);
  const { email } = await asLearner(page);
  await page.goto("/account");
  const password = page.getByRole("region", { name: "Password" });
  await password.getByLabel("The password you have").fill("not my password 1A");
  await password.getByLabel("The new one").fill(NEXT);
  await password.getByRole("button", { name: "Change the password" }).click();
  await password.getByText("That is not your password").waitFor();
  await password.getByLabel("The password you have").fill(PASSWORD);
  await password.getByRole("button", { name: "Change the password" }).click();
  await password.getByText("Your password is changed").waitFor();
  await page.locator(".sign-in").getByText("This window").waitFor();
  assert.equal(await page.locator(".sign-in").count(), 1, "this window alone is signed in");
  await looks(page, "25-account");

  const moved = freshEmail();
  const address = page.getByRole("region", { name: "E-mail address" });
  await address.getByLabel("The new address").fill(moved);
  await address.getByLabel("Your password, to be sure").fill(NEXT);
  await address.getByRole("button", { name: "Change the address" }).click();
  await address.getByText("We sent a link to").waitFor();
  for (const [to, kind] of [[email, "change-email-confirmation"], [moved, "change-email-verification"]]) {
    await page.goto(await mailedLink(page, to, kind));
    await page.getByRole("button").click();
    await page.waitForLoadState();
  }
  await page.goto("/account");
  await page.getByText(`You sign in with ${moved}`).waitFor();

  const end = page.getByRole("region", { name: "Delete this account" });
  await end.getByLabel("Your password, to delete").fill(NEXT);
  await end.getByLabel("I want everything deleted").check();
  await end.getByRole("button", { name: "Delete my account" }).click();
  await page.waitForURL(/sign-in|\/$/);
  await signIn(page, moved, NEXT);
  await page.getByText("That e-mail and password do not match").waitFor();
});
