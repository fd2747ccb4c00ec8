import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PASSWORD, account, ask, asLearner, base, ended, firstLesson, freshEmail, launch, looks, mailedLink, newPage, signInAs } from "./harness.mjs";

let session;
before(async () => {
  session = await launch();
});
after(() => session?.close());

test("a visitor signs up, confirms the address, and finds the first lesson", async () => {
  const page = await newPage(session.browser);
  await page.goto("/");
  await page.getByRole("heading", { name: /asks before it tells/ }).waitFor();
  await looks(page, "01-landing");

  await page.getByRole("link", { name: "Create an account" }).first().click();
  const email = freshEmail();
  await page.getByLabel("Name").fill("Ada Learner");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill("short1A!");
  assert.equal(await page.getByRole("button", { name: "Create account" }).isDisabled(), true);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByText("Strong", { exact: true }).waitFor();
  await looks(page, "02-sign-up");
  await page.getByRole("button", { name: "Create account" }).click();

  await page.getByRole("heading", { name: "Check your mail" }).waitFor();
  await looks(page, "03-check-mail");
  await page.getByRole("button", { name: "Send the mail again" }).click();
  await page.getByText("Sent.").waitFor();

  await page.getByRole("link", { name: "See the courses" }).click();
  await page.getByText("Confirm your e-mail to open lessons").waitFor();
  await page.locator(".course").first().waitFor();
  await looks(page, "04-courses-unverified");

  await page.goto(await mailedLink(page, email));
  await page.getByRole("button", { name: /verify/i }).click();
  await page.getByText("Your e-mail is confirmed.").waitFor();
  await page.getByRole("link", { name: "Start reading" }).first().waitFor();
  assert.equal(new URL(page.url()).pathname, "/");
  await looks(page, "05-courses");
  await page.getByRole("link", { name: "Start reading" }).first().click();
  await page.locator(".block").first().waitFor();
  assert.deepEqual(page.problems, []);
});

test("an unverified learner is told so in the lesson and in the chat, and cannot ask", async () => {
  const page = await newPage(session.browser);
  await asLearner(page, { verified: false });
  const { path } = await firstLesson(page);
  await page.goto(path);
  await page.getByText("Confirm your e-mail to open lessons").waitFor();
  await page.getByRole("button", { name: "Ask the tutor" }).click();
  await page.locator("[data-state=unverified]").waitFor();
  assert.equal(await page.getByRole("textbox", { name: "Your message" }).isDisabled(), true);
  await looks(page, "06-unverified");
});

test("a demo account fills itself in; a wrong password is told; signing out ends the session", async () => {
  const page = await newPage(session.browser);
  await page.goto("/account");
  await page.getByRole("heading", { name: "Welcome back" }).waitFor();
  assert.match(page.url(), /next=%2Faccount/);
  await page.getByLabel("E-mail").fill(account("student").email);
  await page.getByLabel("Password").fill("Not-The-Password1!");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByText("do not match").waitFor();
  await looks(page, "07-sign-in");
  await page.getByRole("button", { name: "student" }).click();
  assert.equal(await page.getByLabel("E-mail").inputValue(), account("student").email);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("heading", { name: "Where you are signed in" }).waitFor();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByRole("heading", { name: "Welcome back" }).waitFor();
  const after = await (await page.request.get(`${base}/api/auth/get-session`)).json();
  assert.equal(after, null);
  assert.deepEqual(page.problems, []);
});

test("the account page lists the sign-ins, and one of them can be ended from another", async () => {
  const here = await newPage(session.browser);
  const { email } = await asLearner(here, { name: "Two Windows" });
  const there = await newPage(session.browser, { userAgent: "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0" });
  await signInAs(there, { email, password: PASSWORD });
  const { path } = await firstLesson(there);
  await there.goto(path);
  await there.locator(".block-paragraph").first().waitFor();
  await there.keyboard.press("Alt+a");
  await there.locator("aside.chat[data-phase=online]").waitFor();
  await here.goto("/account");
  await here.getByText("Firefox on Windows").waitFor();
  await looks(here, "08-account");
  const row = here.locator(".sign-in").filter({ hasText: "Firefox on Windows" });
  await row.getByRole("button", { name: "Sign out there" }).click();
  await row.waitFor({ state: "detached" });
  // Its open lesson notices by the live connection alone: no reload, no click.
  await there.getByRole("heading", { name: "Welcome back" }).waitFor();
});

test("the quiz tells what was right and why, and a pass opens the next stage", async () => {
  const page = await newPage(session.browser);
  await asLearner(page, { name: "Quiz Taker" });
  const { course } = await firstLesson(page);
  await page.goto(`/quiz/${course.id}/1`);
  const questions = page.locator(".question");
  await questions.first().waitFor();
  const count = await questions.count();
  assert.equal(await page.getByRole("button", { name: "Check my answers" }).isDisabled(), true);
  // Learns the right options from the verdicts: each round tries the next option of those that were wrong.
  const options = Array(count).fill(0);
  for (let round = 0; round < 4; round += 1) {
    for (let index = 0; index < count; index += 1) await questions.nth(index).getByRole("radio").nth(options[index]).check();
    await page.getByRole("button", { name: "Check my answers" }).click();
    await page.locator(".quiz-outcome .notice").waitFor();
    if (round === 0) await looks(page, "09-quiz");
    for (let index = 0; index < count; index += 1) {
      const verdict = questions.nth(index).locator(".verdict");
      assert.ok((await verdict.innerText()).length > 20, "an explanation is shown");
      if (await verdict.evaluate((element) => element.classList.contains("verdict-wrong"))) options[index] += 1;
    }
    if (await page.getByText(": passed.").isVisible()) break;
    await page.getByRole("button", { name: "Try again" }).click();
  }
  await page.getByText("Stage 2 is open now.").waitFor();
  await page.getByRole("link", { name: "Go on" }).click();
  await page.getByText("Stage 2", { exact: true }).waitFor();
  assert.deepEqual(page.problems, []);
});

test("another account in the same window sees nothing of the first one's chat", async () => {
  const page = await newPage(session.browser);
  await asLearner(page, { name: "First Reader" });
  const { path } = await firstLesson(page);
  await page.goto(path);
  await page.locator(".block-paragraph").first().waitFor();
  await page.keyboard.press("Alt+a");
  await ask(page, "What is the main idea of this lesson?");
  await ended(page);
  await page.getByRole("link", { name: /account of First Reader/ }).click();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByRole("heading", { name: "Welcome back" }).waitFor();
  await asLearner(page, { name: "Second Reader" });
  await page.goto(path);
  await page.getByRole("button", { name: "Ask the tutor" }).click();
  await page.locator("aside.chat[data-phase=online]").waitFor();
  assert.equal(await page.locator(".say").count(), 0);
  await page.getByRole("heading", { name: "New chat" }).waitFor();
  assert.deepEqual(page.problems, []);
});
