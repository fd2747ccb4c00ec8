// The second step and passkeys, as a person meets them on the pages.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { PASSWORD, asLearner, launch, looks, newPage } from "./harness.mjs";

let session;
before(async () => {
  session = await launch();
});
after(() => session?.close());

/** RFC 6238, as an authenticator app does it. */
function codeOf(secret, shift = 0) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replace(/\s/g, "")].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + shift));
  const mac = createHmac("sha1", key).update(counter).digest();
  const offset = mac[19] & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

async function signIn(page, email) {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

test("an authenticator app is set up, asked for at the next sign-in, and replaced by a recovery code", async () => {
  const page = await newPage(session.browser);
  const { email } = await asLearner(page);
  await page.goto("/account");
  const panel = page.getByRole("region", { name: "Authenticator app" });
  await panel.getByLabel("Your password").fill(PASSWORD);
  await panel.getByRole("button", { name: "Set up" }).click();
  const secret = await panel.getByTestId("totp-secret").textContent();
  const picture = panel.getByRole("img", { name: /QR code/ });
  await picture.waitFor();
  // Three finder patterns, and light all around.
  const dark = await picture.locator("path").getAttribute("d");
  const size = Number((await picture.getAttribute("viewBox")).split(" ")[2]);
  for (const [x, y] of [[4, 4], [size - 11, 4], [4, size - 11]]) {
    for (let at = 0; at < 7; at += 1) assert.ok(dark.includes(`M${x + at} ${y}h`) && dark.includes(`M${x + 3} ${y + 3}h`), `${x} ${y}`);
  }
  assert.ok(!dark.includes("M3 ") && !dark.includes(`M${size - 4} `));
  const codes = (await panel.locator(".recovery-codes").textContent()).split("\n");
  assert.equal(codes.length, 10);
  await looks(page, "20-two-factor-set-up");
  await panel.getByRole("button", { name: "I have kept them" }).click();
  await panel.getByLabel("The six digits").fill(codeOf(secret));
  await panel.getByRole("button", { name: "Turn on" }).click();
  await panel.getByRole("button", { name: "Turn off" }).waitFor();

  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.waitForURL(/sign-in/);
  await signIn(page, email);
  await page.getByRole("heading", { name: "One more step" }).waitFor();
  await looks(page, "21-second-step");
  await page.getByLabel("Code", { exact: true }).fill("000000");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("That code is wrong").waitFor();
  // The step of the first code is used up; the next one is taken early.
  await page.getByLabel("Code", { exact: true }).fill(codeOf(secret, 1));
  await page.getByRole("button", { name: "Continue" }).click();
  await page.locator(".course").first().waitFor();

  await page.goto("/account");
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.waitForURL(/sign-in/);
  await signIn(page, email);
  await page.getByLabel("Code", { exact: true }).fill(codes[0]);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.locator(".course").first().waitFor();
  assert.deepEqual(page.problems, []);
});

test("a passkey is added on the account page and signs in on the sign-in page", async () => {
  const page = await newPage(session.browser);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  await asLearner(page);
  await page.goto("/account");
  const panel = page.getByRole("region", { name: "Passkeys" });
  await panel.getByLabel("Name of this device").fill("Laptop");
  await panel.getByRole("button", { name: "Add a passkey" }).click();
  await panel.getByText("Laptop").waitFor();
  await looks(page, "22-passkeys");

  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.waitForURL(/sign-in/);
  await page.goto("/sign-in");
  await page.getByRole("button", { name: "Sign in with a passkey" }).waitFor();
  await looks(page, "23-sign-in");
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await page.locator(".course").first().waitFor();

  await page.goto("/account");
  await page.getByRole("region", { name: "Passkeys" }).getByRole("button", { name: "Remove" }).click();
  await page.getByText("Laptop").waitFor({ state: "detached" });
  assert.deepEqual(page.problems, []);
});

test("codes by mail are the second step of somebody who has no app", async () => {
  const page = await newPage(session.browser);
  const { email } = await asLearner(page);
  await page.goto("/account");
  const panel = page.getByRole("region", { name: "Authenticator app" });
  await panel.getByLabel("Your password").fill(PASSWORD);
  await panel.getByRole("button", { name: "Mail me codes instead" }).click();
  await panel.getByRole("button", { name: "Turn off" }).waitFor();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.waitForURL(/sign-in/);
  await signIn(page, email);
  await page.getByRole("button", { name: "Mail me a code" }).click();
  await page.getByText("We mailed you a code").waitFor();
  await looks(page, "22-second-step-by-mail");
  const mails = await (await fetch(new URL(`/dev/mail.json?to=${encodeURIComponent(email)}&kind=sign-in-code`, page.url()))).json();
  await page.getByLabel("Code", { exact: true }).fill(/\b\d{6}\b/.exec(mails[0].text)[0]);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.locator(".course").first().waitFor();
  assert.deepEqual(page.problems, []);
});
