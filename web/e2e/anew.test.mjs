// An app that wants somebody who is signed in to show once more that it is she: by a password, a passkey or another site.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { PASSWORD, account, asLearner, base, launch, looks, mailedLink, newPage, signInAs } from "./harness.mjs";

const NEXT = "Harbour-Lamp43!-Quiet";
const provider = process.env.INTELLISTACK_SOCIAL;

/** The app: a page that people come back to. */
const app = createServer((_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<h1>Bank</h1>"));
let back;
let session;
let client;
before(async () => {
  await new Promise((done) => app.listen(0, "127.0.0.1", done));
  back = `http://localhost:${app.address().port}/callback`;
  session = await launch();
  const page = await newPage(session.browser);
  await signInAs(page, account("admin"));
  const made = await page.request.post(`${base}/api/v1/admin/clients`, {
    headers: { origin: base },
    data: { client_name: "Bank", redirect_uris: [back], token_endpoint_auth_method: "none", skip_consent: true },
  });
  assert.equal(made.status(), 201, await made.text());
  client = (await made.json()).client_id;
});
after(async () => {
  await session?.close();
  app.close();
});

/** A learner with a session. */
async function learner() {
  const page = await newPage(session.browser);
  return { page, ...(await asLearner(page)) };
}

/** Sends her here from the app. */
async function sent(page, more) {
  const verifier = randomBytes(32).toString("base64url");
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const query = new URLSearchParams({
    response_type: "code", client_id: client, redirect_uri: back, scope: "openid", state: "s",
    code_challenge: challenge, code_challenge_method: "S256", ...more,
  });
  await page.goto(`/api/auth/oauth2/authorize?${query}`);
  return verifier;
}

/** What the app is told of the sign-in, once she is back. */
async function told(page, verifier) {
  await page.waitForURL((url) => url.href.startsWith(`${back}?`));
  const code = new URL(page.url()).searchParams.get("code");
  assert.ok(code, page.url());
  const answer = await fetch(`${base}/api/auth/oauth2/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "authorization_code", code, redirect_uri: back, client_id: client, code_verifier: verifier }),
  });
  const { id_token } = await answer.json();
  return JSON.parse(Buffer.from(id_token.split(".")[1], "base64url").toString());
}

/** From the page of the provider to that of the web app, which asks her though she is signed in. */
async function otherWays(page) {
  await page.locator("#sign-in-form").waitFor();
  await page.locator("#other-ways").click();
  await page.getByRole("heading", { name: "Sign in again" }).waitFor();
}

test("whoever is signed in is asked again for prompt=login and max_age, and goes on with a passkey or a password", async () => {
  const { page, email } = await learner();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  await page.goto("/account");
  const panel = page.getByRole("region", { name: "Passkeys" });
  await panel.getByLabel("Name of this device").fill("Laptop");
  await panel.getByRole("button", { name: "Add a passkey" }).click();
  await panel.getByText("Laptop").waitFor();
  const first = await told(page, await sent(page, {}));

  for (const asks of [{ prompt: "login" }, { max_age: "0" }]) {
    const verifier = await sent(page, asks);
    await otherWays(page);
    if (asks.prompt) await looks(page, "25-sign-in-again");
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    const again = await told(page, verifier);
    assert.equal(again.sub, first.sub);
    assert.ok(again.amr.includes("swk"), JSON.stringify(again));
    assert.ok(again.auth_time >= first.auth_time);
  }

  const verifier = await sent(page, { prompt: "login" });
  await otherWays(page);
  await page.reload();
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  assert.deepEqual((await told(page, verifier)).amr, ["pwd"]);

  // Nobody wants to know: she goes on at once.
  await page.goto("/sign-in?next=/account");
  await page.waitForURL(/\/account$/);
  assert.deepEqual(page.problems, []);
});

test("and with an account of another site, after a failure there too", { skip: !provider && "INTELLISTACK_SOCIAL names no provider" }, async () => {
  const { page, email } = await learner();
  let refuses = true;
  await page.route(`${provider}/google/**`, async (route) => {
    const asked = new URL(route.request().url()).searchParams;
    const person = {
      sub: `anew-${email}`, email, email_verified: true, name: "Ada Learner", nonce: asked.get("nonce"),
      challenge: asked.get("code_challenge"), scope: asked.get("scope"),
    };
    const code = Buffer.from(JSON.stringify(person)).toString("base64url");
    const answer = refuses ? { error: "access_denied" } : { code };
    refuses = false;
    const back = `${asked.get("redirect_uri")}?${new URLSearchParams({ ...answer, state: asked.get("state") })}`;
    await route.fulfill({ contentType: "text/html", body: `<a id="back" href="${back.replaceAll("&", "&amp;")}">Back</a>` });
  });
  const verifier = await sent(page, { prompt: "login" });
  await otherWays(page);

  await page.getByRole("button", { name: "Continue with Google" }).click();
  await page.locator("#back").click();
  await page.getByRole("alert").getByText("You did not allow it there").waitFor();
  await page.getByRole("heading", { name: "Sign in again" }).waitFor();
  await page.getByRole("button", { name: "Continue with Google" }).click();
  await page.locator("#back").click();

  const { auth_time, iat } = await told(page, verifier);
  assert.ok(iat - auth_time < 20, "she has signed in just now");
});

test("whoever forgot her password on the way to an app comes to it with a new one", async () => {
  const { page, email } = await learner();
  await page.request.post(`${base}/api/auth/sign-out`, { headers: { origin: base }, data: {} });
  const verifier = await sent(page, {});
  await page.locator("#forgot").click();
  await page.getByRole("link", { name: "Back to signing in" }).click();
  await page.getByRole("link", { name: "Forgotten your password?" }).click();
  await page.getByLabel("E-mail").fill(email);
  await page.getByRole("button", { name: "Mail me a link" }).click();
  await page.getByRole("heading", { name: "Check your mail" }).waitFor();

  await page.goto(await mailedLink(page, email, "reset-password"));
  for (const field of ["#password", "#again"]) await page.locator(field).fill(NEXT);
  await page.locator("#choose").click();
  await page.locator("#go-on").click();
  await page.locator("#email").fill(email);
  await page.locator("#password").fill(NEXT);
  await page.locator("#sign-in").click();
  assert.deepEqual((await told(page, verifier)).amr, ["pwd"]);
});
