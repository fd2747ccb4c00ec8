// A real authenticator (Chromium's virtual one) against the passkey calls.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PASSWORD, asLearner, base, launch, newPage } from "./harness.mjs";

let session;
before(async () => {
  session = await launch();
});
after(() => session?.close());

/** An authenticator in the window: it verifies its holder unless told otherwise. */
async function withAuthenticator(page, verifies = true) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: verifies,
      isUserVerified: verifies, automaticPresenceSimulation: true,
    },
  });
  return { devtools, authenticatorId };
}

/** One call from the page, as the client library makes it. */
const call = (page, path, body) =>
  page.evaluate(async ([path, body]) => {
    const answer = await fetch(`/api/auth${path}`, body === undefined ? {} : {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.json() };
  }, [path, body]);

/** What the authenticator makes of the options, or the name of the error. */
const create = (page, options) =>
  page.evaluate(async (options) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    try {
      return (await navigator.credentials.create({ publicKey })).toJSON();
    } catch (error) {
      return { failed: error.name };
    }
  }, options);

const sign = (page, options) =>
  page.evaluate(async (options) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    try {
      return (await navigator.credentials.get({ publicKey })).toJSON();
    } catch (error) {
      return { failed: error.name };
    }
  }, options);

async function register(page, name) {
  const options = await call(page, `/passkey/generate-register-options?name=${name}`);
  assert.equal(options.status, 200, JSON.stringify(options.body));
  const response = await create(page, options.body);
  assert.equal(response.failed, undefined);
  const kept = await call(page, "/passkey/verify-registration", { response });
  assert.equal(kept.status, 200, JSON.stringify(kept.body));
  return { kept: kept.body, response };
}

async function signedAnswer(page) {
  const options = await call(page, "/passkey/generate-authenticate-options");
  const response = await sign(page, options.body);
  assert.equal(response.failed, undefined);
  // As the plugin's client does.
  delete response.clientExtensionResults;
  return response;
}

async function learner(verifies) {
  const page = await newPage(session.browser);
  const { email } = await asLearner(page);
  const answer = await page.request.post(`${base}/api/auth/sign-in/email`, { headers: { origin: base }, data: { email, password: PASSWORD } });
  assert.equal(answer.status(), 200);
  await page.goto("/");
  return { page, email, authenticator: await withAuthenticator(page, verifies) };
}

test("a passkey is added, signs in without a password, is listed, renamed and taken away", async () => {
  const { page, email } = await learner();
  const { kept } = await register(page, "Laptop");
  assert.equal(kept.name, "Laptop");
  assert.equal(kept.counter, 0);
  assert.equal(kept.transports, "internal");
  const mails = await (await page.request.get(`${base}/dev/mail.json?to=${encodeURIComponent(email)}&kind=security-notice`)).json();
  assert.equal(mails.length, 1);

  await call(page, "/sign-out", {});
  assert.equal((await call(page, "/get-session")).body, null);
  const signedIn = await call(page, "/passkey/verify-authentication", { response: await signedAnswer(page) });
  assert.equal(signedIn.status, 200, JSON.stringify(signedIn.body));
  assert.equal(signedIn.body.user.email, email);
  assert.equal((await call(page, "/get-session")).body.user.email, email);

  const [listed] = (await call(page, "/passkey/list-user-passkeys")).body;
  assert.equal(listed.id, kept.id);
  assert.ok(listed.counter > 0, "the authenticator counts");
  const renamed = await call(page, "/passkey/update-passkey", { id: kept.id, name: "Old laptop" });
  assert.equal(renamed.body.passkey.name, "Old laptop");
  assert.deepEqual((await call(page, "/passkey/delete-passkey", { id: kept.id })).body, { status: true });
  assert.deepEqual((await call(page, "/passkey/list-user-passkeys")).body, []);
  const gone = await call(page, "/passkey/verify-authentication", { response: await signedAnswer(page) });
  assert.equal(gone.body.code, "PASSKEY_NOT_FOUND");
});

// Attack A6: somebody locks the account by wrong passwords.
test("a passkey signs in while the password is locked, and counts as both factors", async () => {
  const { page, email } = await learner();
  await register(page, "Laptop");
  await call(page, "/sign-out", {});
  for (let tries = 0; tries < 5; tries++) {
    await call(page, "/sign-in/email", { email, password: "Wrong-Lamp42!-Quiet" });
  }
  const locked = await call(page, "/sign-in/email", { email, password: PASSWORD });
  assert.equal(locked.status, 429);

  const signedIn = await call(page, "/passkey/verify-authentication", { response: await signedAnswer(page) });
  assert.equal(signedIn.status, 200, JSON.stringify(signedIn.body));
});

test("an answer is good for its own challenge and once, and a copied authenticator is noticed", async () => {
  const { page, authenticator: { devtools, authenticatorId } } = await learner();
  const { response: made } = await register(page, "Laptop");
  const twice = await call(page, "/passkey/verify-registration", { response: made });
  assert.equal(twice.body.code, "CHALLENGE_NOT_FOUND");

  const old = await signedAnswer(page);
  assert.equal((await call(page, "/passkey/verify-authentication", { response: old })).status, 200);
  await call(page, "/passkey/generate-authenticate-options");
  const replayed = await call(page, "/passkey/verify-authentication", { response: old });
  assert.equal(replayed.body.code, "AUTHENTICATION_FAILED", "it was signed for another challenge");

  const { credentials: [credential] } = await devtools.send("WebAuthn.getCredentials", { authenticatorId });
  await devtools.send("WebAuthn.removeCredential", { authenticatorId, credentialId: credential.credentialId });
  await devtools.send("WebAuthn.addCredential", { authenticatorId, credential: { ...credential, signCount: 0 } });
  const cloned = await call(page, "/passkey/verify-authentication", { response: await signedAnswer(page) });
  assert.equal(cloned.body.code, "AUTHENTICATION_FAILED", "its counter went back");
});

test("an authenticator that does not know its holder is refused", async () => {
  const { page } = await learner(false);
  const options = await call(page, "/passkey/generate-register-options");
  assert.equal(typeof (await create(page, options.body)).failed, "string");
  // A page that asks for less than it was told gets no further.
  const less = structuredClone(options.body);
  less.authenticatorSelection = { userVerification: "discouraged", residentKey: "discouraged" };
  delete less.extensions;
  const response = await create(page, less);
  assert.equal(response.failed, undefined);
  const refused = await call(page, "/passkey/verify-registration", { response });
  assert.equal(refused.body.code, "FAILED_TO_VERIFY_REGISTRATION");
});
