// A real browser against a real server that somebody else started: INTELLISTACK_READY names its ready file.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const readyFile = process.env.INTELLISTACK_READY;
if (!readyFile) {
  console.error("INTELLISTACK_READY must name the ready file of a server started with: serve --demo --ready-file FILE");
  process.exit(2);
}
export const ready = JSON.parse(readFileSync(readyFile, "utf8"));
export const base = ready.url.replace(/\/$/, "");
export const PASSWORD = "Otter-Lamp42!-Quiet";

const shots = new URL("./screenshots/", import.meta.url).pathname;
mkdirSync(shots, { recursive: true });
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A browser with a profile of its own, that talks to nobody but the server. */
export async function launch() {
  const profile = mkdtempSync(join(tmpdir(), "intellistack-e2e-"));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", `--crash-dumps-dir=${profile}`,
    ],
  });
  return {
    browser,
    async close() {
      await browser.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** A window of its own; errors and CSP reports of its pages are collected in `page.problems`. */
export async function newPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, colorScheme: "light", locale: "en-GB", baseURL: base, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (message) => {
    // Refusals that a test provokes (401, 403) are logged by the browser too; they are no faults of the page.
    if (message.type() === "error" && !/Failed to load resource/.test(message.text())) page.problems.push(message.text());
  });
  return page;
}

export function freshEmail() {
  return `ada.${randomBytes(5).toString("hex")}@example.test`;
}

/** The newest link that was mailed to an address: the mail is in the outbox before sign-up answers. */
export async function mailedLink(page, email, kind = "verify-email") {
  const mails = await (await page.request.get(`${base}/dev/mail.json?to=${encodeURIComponent(email)}&kind=${kind}`)).json();
  const link = mails[0]?.links?.[0];
  assert.ok(link, `no ${kind} for ${email}`);
  return link;
}

/** Signs up by the API, confirms the address if asked to, and leaves the session in the window. */
export async function asLearner(page, { name = "Ada Learner", verified = true } = {}) {
  const email = freshEmail();
  const answer = await page.request.post(`${base}/api/auth/sign-up/email`, {
    headers: { origin: base }, data: { name, email, password: PASSWORD, callbackURL: "/?verified=1" },
  });
  assert.equal(answer.status(), 200, await answer.text());
  // As the client library opens the link; any other GET shows a page with a button (mail scanners open links too).
  if (verified) await page.request.get(await mailedLink(page, email), { headers: { "sec-fetch-mode": "cors" } });
  return { email, name };
}

export async function signInAs(page, { email, password }) {
  const answer = await page.request.post(`${base}/api/auth/sign-in/email`, { headers: { origin: base }, data: { email, password } });
  assert.equal(answer.status(), 200, await answer.text());
}

export function account(role) {
  const found = ready.accounts.find((entry) => entry.role === role);
  assert.ok(found, `the ready file has no ${role}`);
  return found;
}

export async function firstLesson(page) {
  const { courses } = await (await page.request.get(`${base}/api/v1/courses`)).json();
  const course = courses.find((entry) => entry.lessons.length > 0);
  assert.ok(course, "there is no course with a lesson");
  return { course, lesson: course.lessons[0], path: `/learn/${course.id}/${course.lessons[0].id}` };
}

/** Marks the first sentence of the nth paragraph, as a mouse would. */
export async function selectSentence(page, nth = 1) {
  const block = page.locator(".block-paragraph").nth(nth);
  await block.scrollIntoViewIfNeeded();
  return block.evaluate((element) => {
    const text = document.createTreeWalker(element.querySelector(".block-body"), NodeFilter.SHOW_TEXT).nextNode();
    const stop = text.data.indexOf(".");
    const range = document.createRange();
    range.setStart(text, 0);
    range.setEnd(text, stop > 10 ? stop + 1 : text.data.length);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    return selection.toString().trim();
  });
}

export async function ask(page, text) {
  await page.getByRole("textbox", { name: "Your message" }).fill(text);
  await page.keyboard.press("Enter");
}

/** Waits until the last turn has ended and its proof was made. */
export async function ended(page, count = 1, timeout = 60_000) {
  const answers = page.locator(".say-tutor[data-status]:not([data-status=running])");
  await answers.nth(count - 1).waitFor({ timeout });
  const last = answers.nth(count - 1);
  await page.waitForFunction(
    (index) => {
      const found = document.querySelectorAll(".say-tutor[data-status]:not([data-status=running])")[index];
      return found && ["true", "false"].includes(found.dataset.verified);
    },
    count - 1,
    { timeout },
  );
  return {
    status: await last.getAttribute("data-status"),
    verified: await last.getAttribute("data-verified"),
    sha256: await last.getAttribute("data-sha256"),
    length: Number(await last.getAttribute("data-length")),
    text: await last.locator(".md").innerText(),
  };
}

/** No serious or critical finding of axe-core on the page as it stands. */
export async function accessible(page, name) {
  // Through the protocol, past the page's own CSP, as a browser extension would.
  await page.evaluate(axeSource);
  await settled(page);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const serious = found.violations.filter((finding) => ["serious", "critical"].includes(finding.impact));
  const words = serious.map((finding) => `${finding.id}: ${finding.nodes.map((node) => `${node.target.join(" ")} ${node.failureSummary}`).join("; ")}`);
  assert.deepEqual(words, [], `axe-core on ${name}`);
}

/** Animations at their end, so that a picture or a contrast is not taken half-way. */
async function settled(page) {
  await page.evaluate(() => Promise.all(document.getAnimations().filter((motion) => motion.effect?.getComputedTiming().iterations !== Infinity).map((motion) => motion.finished.catch(() => undefined))));
}

const LOOKS = [
  { look: "light", colorScheme: "light", width: 1360, height: 860 },
  { look: "dark", colorScheme: "dark", width: 1360, height: 860 },
  { look: "phone", colorScheme: "light", width: 390, height: 844 },
];

/** Screenshots and axe-core in light, dark and at phone width; then the window is as it was. */
export async function looks(page, name) {
  for (const { look, colorScheme, width, height } of LOOKS) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height });
    await accessible(page, `${name} (${look})`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${name} (${look}) is ${wide} px too wide`);
    await page.screenshot({ path: join(shots, `${name}-${look}.png`) });
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1360, height: 860 });
}
