// What admins do to accounts from the admin page: look, change, act as somebody, and read what happened.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PASSWORD, account, asLearner, base, firstLesson, freshEmail, launch, looks, newPage, signInAs } from "./harness.mjs";

let session;
before(async () => {
  session = await launch();
});
after(() => session?.close());

async function adminOn(tab) {
  const page = await newPage(session.browser);
  await signInAs(page, account("admin"));
  await page.goto(`/admin#${tab}`);
  return page;
}

async function learner() {
  const page = await newPage(session.browser);
  const name = `Mary ${Date.now().toString(36)}`;
  const { email } = await asLearner(page, { name });
  return { page, name, email };
}

/** The drawer of one person, found by her address. */
async function person(admin, email) {
  await admin.getByLabel("Search people").fill(email);
  await admin.locator(`tr[data-person="${email}"]`).getByRole("button").click();
  const drawer = admin.locator(`[data-drawer="${email}"]`);
  await drawer.waitFor();
  return drawer;
}

test("an admin finds a person, changes her role, and ends her sign-in", async () => {
  const { page, name, email } = await learner();
  const admin = await adminOn("people");
  await admin.locator("tr[data-person]").first().waitFor();
  await looks(admin, "60-people");
  const drawer = await person(admin, email);
  await drawer.locator("[data-sign-in]").waitFor();
  await looks(admin, "61-person");

  await drawer.getByLabel(`Role of ${name}`).selectOption("instructor");
  await drawer.getByRole("button", { name: "Change the role" }).click();
  await admin.getByText(`${name} is instructor now.`).waitFor();
  assert.equal((await (await page.request.get(`${base}/api/auth/get-session`)).json()).user.role, "instructor");
  await drawer.getByRole("button", { name: "End it" }).click();
  await drawer.getByText("Nowhere signed in.").waitFor();
  assert.equal(await (await page.request.get(`${base}/api/auth/get-session`)).json(), null);
  assert.deepEqual(admin.problems, []);
});

test("a banned person is out at once, and in again when the ban is lifted", async () => {
  const { page, name, email } = await learner();
  const { path } = await firstLesson(page);
  await page.goto(path);
  await page.locator(".block-paragraph").first().waitFor();
  await page.keyboard.press("Alt+a");
  await page.locator("aside.chat[data-phase=online]").waitFor();
  const admin = await adminOn("people");
  const drawer = await person(admin, email);
  await drawer.getByLabel("Reason").fill("shared exam answers");
  await drawer.getByRole("button", { name: "Ban", exact: true }).click();
  await drawer.getByRole("alertdialog").getByRole("button", { name: "Ban", exact: true }).click();
  await admin.getByText(`${name} is banned.`).waitFor();
  await page.locator("aside.chat[data-phase=online]").waitFor({ state: "detached", timeout: 15_000 });
  const refused = await page.request.post(`${base}/api/auth/sign-in/email`, { headers: { origin: base }, data: { email, password: PASSWORD } });
  assert.equal((await refused.json()).code, "BANNED_USER");
  await drawer.getByText("shared exam answers").waitFor();
  await drawer.getByRole("button", { name: "Lift the ban" }).click();
  await admin.getByText(`${name} may sign in again.`).waitFor();
  await signInAs(page, { email, password: PASSWORD });
  assert.deepEqual(admin.problems, []);
});

test("an admin acts as a learner under a banner, and comes back", async () => {
  const { name, email } = await learner();
  const admin = await adminOn("people");
  const drawer = await person(admin, email);
  await drawer.getByRole("button", { name: `Act as ${name}` }).click();
  const banner = admin.locator("[data-acting]");
  await banner.getByText(`You are acting as ${name}.`).waitFor();
  assert.equal(await admin.getByRole("link", { name: "Admin" }).count(), 0);
  const { path } = await firstLesson(admin);
  await admin.goto(path);
  await banner.waitFor();
  await looks(admin, "62-acting");
  await banner.getByRole("button", { name: "Stop" }).click();
  await admin.getByRole("heading", { name: "People" }).waitFor();
  assert.equal(await banner.count(), 0);
  const who = await (await admin.request.get(`${base}/api/auth/get-session`)).json();
  assert.equal(who.user.email, account("admin").email);
  assert.deepEqual(admin.problems, []);
});

test("an admin makes an account that signs in", async () => {
  const admin = await adminOn("people");
  const email = freshEmail();
  await admin.getByRole("button", { name: "New account" }).click();
  const form = admin.getByRole("form", { name: "New account" });
  await form.getByLabel("Name").fill("Noor New");
  await form.getByLabel("E-mail", { exact: true }).fill(email);
  await form.getByLabel(/^Password/).fill("weak");
  await form.getByRole("button", { name: "Create the account" }).click();
  await form.getByRole("alert").waitFor();
  await looks(admin, "63-new-account");
  await form.getByLabel(/^Password/).fill(PASSWORD);
  await form.getByRole("button", { name: "Create the account" }).click();
  await admin.getByText("Noor New has an account.").waitFor();
  await admin.locator(`tr[data-person="${email}"]`).waitFor();
  await signInAs(await newPage(session.browser), { email, password: PASSWORD });
  assert.deepEqual(admin.problems, []);
});

test("what happened to accounts is filtered and taken away as a file", async () => {
  const page = await newPage(session.browser);
  const email = freshEmail();
  await page.request.post(`${base}/api/auth/sign-in/email`, { headers: { origin: base }, data: { email, password: "wrong" } });
  const admin = await adminOn("account-events");
  await admin.locator("tr[data-account-event]").first().waitFor();
  await looks(admin, "64-account-events");
  const form = admin.getByRole("form", { name: "Filter the events" });
  await form.getByLabel("What").selectOption("sign_in_failed");
  await form.getByLabel("E-mail").fill(email);
  await form.getByRole("button", { name: "Filter" }).click();
  await admin.waitForFunction(() => document.querySelectorAll("tr[data-account-event]").length === 1);
  const path = await admin.getByRole("link", { name: "Export CSV" }).getAttribute("href");
  const file = await admin.request.get(`${base}${path}`);
  const lines = (await file.text()).trim().split("\r\n");
  assert.equal(lines.length, 2);
  assert.ok(lines[1].includes(email), lines[1]);
  assert.deepEqual(admin.problems, []);
});

test("an instructor sees none of the tabs that are for admins", async () => {
  const page = await newPage(session.browser);
  await signInAs(page, account("instructor"));
  await page.goto("/admin#people");
  await page.getByRole("tab", { name: "Sessions" }).waitFor();
  for (const name of ["People", "Account events", "Mail"]) assert.equal(await page.getByRole("tab", { name }).count(), 0, name);
});
