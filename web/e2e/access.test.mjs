// An app that somebody lets in, and whom she shows the door again.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { PASSWORD, account, asLearner, base, launch, looks, newPage, signInAs } from "./harness.mjs";

const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
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
});

test("what the school chose is on the account page while it holds something, and is named where it is signed in", async () => {
  const admin = await newPage(session.browser);
  await signInAs(admin, account("admin"));
  const made = await admin.request.post(`${base}/api/v1/admin/clients`, {
    headers: { origin: base },
    data: { client_name: "Timetable", redirect_uris: [back], application_type: "native", token_endpoint_auth_method: "none", skip_consent: true },
  });
  assert.equal(made.status(), 201, await made.text());
  const id = (await made.json()).client_id;
  const page = await newPage(session.browser);
  await asLearner(page);
  await page.goto(authorize(id));
  await page.getByRole("heading", { name: "Back at the app" }).waitFor();
  const form = { grant_type: "authorization_code", client_id: id, code: new URL(page.url()).searchParams.get("code"), redirect_uri: back, code_verifier: VERIFIER };
  const answer = await page.request.post(`${base}/api/auth/oauth2/token`, { form });
  assert.equal(answer.status(), 200, await answer.text());

  await page.goto("/account");
  const signIns = page.getByRole("region", { name: "Where you are signed in" });
  await signIns.getByText("Timetable").waitFor();
  assert.equal(await signIns.getByText("An app").count(), 1);
  const panel = page.getByRole("region", { name: "Apps with access" });
  await panel.getByText("Chosen by your school").waitFor();
  await looks(page, "73-school-app");
  await panel.getByRole("button", { name: "Withdraw" }).click();
  await panel.waitFor({ state: "detached" });
  await page.reload();
  await signIns.getByText("This window").waitFor();
  assert.equal(await signIns.getByText("Timetable").count(), 0);
  assert.deepEqual(page.problems, []);
});
