<<<<<<< HEAD
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
  await form.getByLabel("Name").fill(name);
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
  await form.getByLabel("Name").fill(name);
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
  await drawer.getByLabel("Name").waitFor();
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
=======
// An app that somebody lets in, and whom she shows the door again.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { PASSWORD, asLearner, base, launch, newPage } from "./harness.mjs";

const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
let session, app, back;
before(async () => {
  session = await launch();
  app = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<h1>Back at the app</h1>"));
  await new Promise((up) => app.listen(0, "127.0.0.1", up));
  back = `http://127.0.0.1:${app.address().port}/cb`;
});
after(async () => {
  await session?.close();
  app?.close();
});

/** The app: one that the operator made, or one that registers itself. */
async function client(page) {
  if (process.env.INTELLISTACK_CLIENT) return process.env.INTELLISTACK_CLIENT;
  const data = {
    client_name: "Flash cards", redirect_uris: [back], application_type: "native", token_endpoint_auth_method: "none",
  };
  const answer = await page.request.post(`${base}/api/auth/oauth2/register`, { data });
  assert.equal(answer.status(), 201, await answer.text());
  return (await answer.json()).client_id;
}

function authorize(id) {
  const query = new URLSearchParams({
    client_id: id, response_type: "code", redirect_uri: back, scope: "openid email", state: "s1",
    code_challenge: CHALLENGE, code_challenge_method: "S256",
  });
  return `${base}/api/auth/oauth2/authorize?${query}`;
}

test("an app is let in on pages without scripts, is on the account page, and is shown the door there", async () => {
  const learner = await newPage(session.browser);
  const { email } = await asLearner(learner);
  const page = await newPage(session.browser, { javaScriptEnabled: false });
  const id = await client(page);
  await page.goto(authorize(id));
  await page.locator("#email").fill(email);
  await page.locator("#password").fill(PASSWORD);
  await page.locator("#sign-in").click();
  await page.locator("#accept").click();
  await page.getByRole("heading", { name: "Back at the app" }).waitFor();
  const told = new URL(page.url()).searchParams;
  assert.equal(told.get("state"), "s1");
  assert.ok(told.get("code"), page.url());
  assert.equal(told.get("iss"), `${base}/api/auth`);
  await page.goto(authorize(id));
  await page.getByRole("heading", { name: "Back at the app" }).waitFor();

  await learner.goto("/account");
  const panel = learner.getByRole("region", { name: "Apps with access" });
  await panel.getByText("know that it is you, see your e-mail address").waitFor();
  await panel.getByRole("button", { name: "Withdraw" }).click();
  await panel.waitFor({ state: "detached" });
  assert.deepEqual(learner.problems, []);
  await page.goto(authorize(id));
  await page.locator("#accept").waitFor();
>>>>>>> 695d560 (List the apps that somebody let in on her account page, and withdraw there)
});
