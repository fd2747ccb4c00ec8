// What one may ask about what stands already: more help, another answer, another wording; and what one thinks of it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, asLearner, ended, firstLesson, launch, looks, newPage } from "./harness.mjs";

let session;
before(async () => {
  session = await launch();
});
after(() => session?.close());

/** A lesson with the chat open and one question answered; `frames` holds what the page sent. */
async function answered(question = "What is the main idea of this lesson?") {
  const page = await newPage(session.browser);
  const frames = [];
  page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => frames.push(...String(payload).split("\n").map((line) => JSON.parse(line)))));
  await asLearner(page);
  const { path, course, lesson } = await firstLesson(page);
  await page.goto(path);
  await page.locator(".block-paragraph").first().waitFor();
  await page.keyboard.press("Alt+a");
  await ask(page, question);
  const first = await ended(page);
  return { page, path, course, lesson, first, frames };
}

const left = async (page) => Number(await page.locator("[data-remaining]").getAttribute("data-remaining"));
const level = async (page) => Number(await page.locator("[data-hint]").getAttribute("data-hint"));

test("another hint goes a step further, costs nothing, and asks no question of its own", async () => {
  const { page } = await answered();
  const [before, from] = [await left(page), await level(page)];
  await page.getByRole("button", { name: "Another hint" }).click();
  const hint = await ended(page, 2);
  assert.equal(hint.status, "done");
  assert.equal(hint.verified, "true");
  assert.equal(await level(page), from + 1);
  assert.equal(await left(page), before);
  assert.equal(await page.locator(".say-you").count(), 1);
  await looks(page, "40-hint");
  // Up to the end of the ladder: then the server says why there is no more.
  for (let count = 3; ; count += 1) {
    await page.getByRole("button", { name: "Another hint" }).click();
    const refused = page.locator("[data-refused=forbidden][data-kind=hint]");
    await page.locator(`.say-tutor[data-status=done] >> nth=${count - 1}`).or(refused).first().waitFor();
    if (await refused.isVisible()) {
      assert.ok((await refused.innerText()).length > 10);
      break;
    }
    assert.ok(count < 8, "the ladder has an end");
    await ended(page, count);
  }
  await looks(page, "41-no-more-hints");
  assert.deepEqual(page.problems, []);
});

test("another answer takes the place of the one that stood, after a reload too", async () => {
  const { page, path } = await answered();
  const old = page.locator(".say-tutor");
  const item = await old.getAttribute("data-item");
  const before = await left(page);
  await page.getByRole("button", { name: "Answer again" }).click();
  await page.locator(`.say-tutor[data-item="${item}"]`).waitFor({ state: "detached" });
  const second = await ended(page);
  assert.equal(second.verified, "true");
  assert.equal(await page.locator(".say-tutor").count(), 1);
  assert.equal(await page.locator(".say-you").count(), 1);
  assert.equal(await left(page), before - 1);
  await page.goto(path);
  assert.deepEqual(await ended(page), second);
  assert.deepEqual(page.problems, []);
});

test("an edited question starts anew from its place, and what followed is left behind", async () => {
  const { page, path } = await answered();
  await ask(page, "Why does that follow?");
  await ended(page, 2);
  const first = page.locator(".say-you").first();
  await first.hover();
  await first.getByRole("button", { name: "Edit this question" }).click();
  const field = page.getByLabel("Your question", { exact: true });
  assert.equal(await field.inputValue(), "What is the main idea of this lesson?");
  assert.equal(await field.evaluate((element) => element === document.activeElement), true);
  await looks(page, "42-edit");
  await page.keyboard.press("Escape");
  await field.waitFor({ state: "detached" });
  assert.equal(await page.locator("aside.chat").count(), 1, "Escape leaves the field, not the chat");

  await first.hover();
  await first.getByRole("button", { name: "Edit this question" }).click();
  // The field puts its caret behind the text when it gets the focus: not in the middle of our typing.
  await field.and(page.locator(":focus")).waitFor();
  await field.fill("Give me an example to think about.");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.locator(".say-you").nth(1).waitFor({ state: "detached" });
  assert.equal(await page.locator(".say-you .say-text").innerText(), "Give me an example to think about.");
  const answer = await ended(page);
  assert.equal(answer.verified, "true");
  assert.equal(await page.locator(".say-tutor").count(), 1);
  await page.goto(path);
  assert.deepEqual(await ended(page), answer);
  assert.equal(await page.locator(".say-you").count(), 1);
  assert.deepEqual(page.problems, []);
});

test("an edit over a lost connection counts once", async () => {
  const page = await newPage(session.browser);
  const edits = [];
  let cut = true;
  await page.routeWebSocket(/\/api\/v1\/live/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      const frames = String(message).split("\n").map((line) => JSON.parse(line));
      edits.push(...frames.filter((frame) => frame.type === "edit").map((frame) => frame.message_id));
      server.send(message);
      if (cut && edits.length === 1) {
        cut = false;
        void socket.close({ code: 4301 });
      }
    });
  });
  await asLearner(page);
  const { path } = await firstLesson(page);
  await page.goto(path);
  await page.locator(".block-paragraph").first().waitFor();
  await page.keyboard.press("Alt+a");
  await ask(page, "What is the main idea of this lesson?");
  await ended(page);
  const before = await left(page);
  await page.locator(".say-you").hover();
  await page.getByRole("button", { name: "Edit this question" }).click();
  await page.getByLabel("Your question", { exact: true }).fill("Why does that follow?");
  await page.keyboard.press("Enter");
  await page.getByText("Why does that follow?").waitFor();
  assert.equal((await ended(page)).verified, "true");
  assert.equal(edits.length, 2);
  assert.equal(edits[0], edits[1]);
  assert.equal(await left(page), before - 1);
  assert.equal(await page.locator(".say-you").count(), 1);
});

test("a thumb is noted at once, and its reason if one is given", async () => {
  const { page, frames } = await answered();
  await page.getByRole("button", { name: "This did not help" }).click();
  const reason = page.getByLabel("What was wrong?");
  await reason.waitFor();
  assert.equal(await page.getByRole("button", { name: "This did not help" }).getAttribute("aria-pressed"), "true");
  await looks(page, "43-feedback");
  await reason.fill("It only quotes.");
  await page.keyboard.press("Enter");
  await page.getByText("Thank you.").waitFor();
  await page.getByRole("button", { name: "This helped" }).click();
  await page.getByLabel("What helped?").waitFor();
  await page.getByRole("button", { name: "Skip" }).click();
  assert.equal(await page.getByRole("button", { name: "This did not help" }).getAttribute("aria-pressed"), "false");
  const given = frames.filter((frame) => frame.type === "feedback").map(({ kind, reason }) => [kind, reason ?? null]);
  assert.deepEqual(given, [["negative", null], ["negative", "It only quotes."], ["positive", null]]);
  assert.deepEqual(page.problems, []);
});

test("another window with the same chat sees the typing, and what comes of it", async () => {
  const { page, path } = await answered();
  const other = await page.context().newPage();
  await other.goto(path);
  await other.getByRole("button", { name: "Ask the tutor" }).click();
  await other.getByRole("button", { name: "All chats" }).click();
  await other.getByRole("button", { name: /^What is the main idea/ }).click();
  await other.locator(".say-tutor").waitFor();
  await page.locator("[data-windows='2']").waitFor();
  await page.getByRole("textbox", { name: "Your message" }).pressSequentially("Why do");
  await other.getByText("You are writing in another window…").waitFor();
  await page.getByRole("textbox", { name: "Your message" }).fill("Why does that follow?");
  await page.keyboard.press("Enter");
  await other.locator(".say-you").nth(1).waitFor();
  assert.deepEqual(await ended(other, 2), await ended(page, 2));
  assert.deepEqual(page.problems, []);
});
