// Apps that people sign in to with their account here: registered, changed and removed on the admin page.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { account, base, launch, looks, newPage, signInAs } from "./harness.mjs";

let session;
before(async () => {
  session = await launch();
});
after(() => session?.close());

async function appsOf(role) {
  const page = await newPage(session.browser);
  await signInAs(page, account(role));
  await page.goto("/admin#apps");
  await page.getByRole("heading", { name: "Apps", exact: true }).waitFor();
  return page;
}

/** Registers an app with a secret, and gives its row's id. */
async function register(page, name, redirect) {
  await page.getByRole("button", { name: "New app" }).click();
  const form = page.getByRole("form", { name: "New app" });
  await form.getByRole("textbox", { name: "Name", exact: true }).fill(name);
  await form.getByLabel(/^Redirect addresses/).fill(redirect);
  await form.getByRole("button", { name: "Register the app" }).click();
  await page.locator("[data-value=client-secret]").waitFor();
  return page.locator("[data-value=client-id]").innerText();
}

const named = (text) => `${text} ${Date.now().toString(36)}`;

test("an instructor registers an app, sees its secret once, and changes and removes it", async () => {
  const page = await appsOf("instructor");
  const name = named("<b>Timetable</b>");
  await page.getByRole("button", { name: "New app" }).click();
  const form = page.getByRole("form", { name: "New app" });
  await form.getByRole("textbox", { name: "Name", exact: true }).fill(name);
  await form.getByLabel(/^Redirect addresses/).fill("javascript:alert(1)");
  await form.getByRole("button", { name: "Register the app" }).click();
  await form.getByRole("alert").getByText(/redirect_uris/).waitFor();
  assert.equal(await form.getByText("I know who runs it").count(), 0);
  await looks(page, "70-new-app");
  await form.getByLabel(/^Redirect addresses/).fill("https://app.example/callback");
  await form.getByRole("button", { name: "Register the app" }).click();
  const secret = await page.locator("[data-value=client-secret]").innerText();
  const id = await page.locator("[data-value=client-id]").innerText();
  assert.ok(secret.length >= 32);
  await looks(page, "71-app-secret");

  await page.reload();
  await page.getByLabel("Search apps").fill(name);
  await page.locator(`tr[data-app="${id}"]`).getByRole("button", { name }).click();
  const drawer = page.locator(`[data-drawer="${id}"]`);
  await drawer.getByRole("textbox", { name: "Name", exact: true }).waitFor();
  assert.equal((await page.content()).includes(secret), false);
  await looks(page, "72-app");
  await drawer.getByLabel(/^Redirect addresses/).fill("https://app.example/callback https://app.example/second");
  await drawer.getByRole("button", { name: "Save" }).click();
  await page.getByText(`${name} was changed.`).waitFor();
  await drawer.getByRole("button", { name: "Make another secret" }).click();
  await drawer.getByRole("alertdialog").getByRole("button", { name: "Make it" }).click();
  const second = await drawer.locator("[data-value=client-secret]").innerText();
  assert.notEqual(second, secret);
  const read = await page.request.get(`${base}/api/v1/admin/clients/${id}`);
  assert.deepEqual((await read.json()).redirect_uris, ["https://app.example/callback", "https://app.example/second"]);

  await drawer.getByRole("button", { name: "Remove the app" }).click();
  await drawer.getByRole("alertdialog").getByRole("button", { name: "Remove", exact: true }).click();
  await page.locator(`tr[data-app="${id}"]`).waitFor({ state: "detached" });
  assert.equal((await page.request.get(`${base}/api/v1/admin/clients/${id}`)).status(), 404);
  assert.deepEqual(page.problems, []);
});

test("an admin sees and shuts out an instructor's app, who sees no admin's", async () => {
  const [instructor, admin] = [await appsOf("instructor"), await appsOf("admin")];
  const hers = await register(instructor, named("Hers"), "https://hers.example/callback");
  const schools = await register(admin, named("School's"), "http://localhost:3000/callback");
  await instructor.reload();
  await instructor.locator(`tr[data-app="${hers}"]`).waitFor();
  assert.equal(await instructor.locator(`tr[data-app="${schools}"]`).count(), 0);

  await admin.reload();
  await admin.locator(`tr[data-app="${hers}"]`).getByRole("button").click();
  const drawer = admin.locator(`[data-drawer="${hers}"]`);
  await drawer.getByRole("button", { name: "Shut it out" }).click();
  await drawer.getByRole("alertdialog").getByRole("button", { name: "Shut it out" }).click();
  await admin.locator(`tr[data-app="${hers}"]`).getByText("shut out").waitFor();
  const shown = await instructor.request.get(`${base}/api/v1/admin/clients/${hers}`);
  assert.equal((await shown.json()).disabled, true);
  assert.deepEqual([...instructor.problems, ...admin.problems], []);
});
