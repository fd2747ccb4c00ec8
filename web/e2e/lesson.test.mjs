import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, asLearner, ended, firstLesson, launch, looks, newPage, selectSentence } from "./harness.mjs";

let session;
before(async () => {
  session = await launch();
});
after(() => session?.close());

async function inLesson(options) {
  const page = await newPage(session.browser, options);
  const learner = await asLearner(page);
  const { path, course, lesson } = await firstLesson(page);
  await page.goto(path);
  await page.locator(".block-paragraph").nth(2).waitFor();
  return { page, path, course, lesson, learner };
}

const running = (page) => page.locator(".say-running .md");

test("a marked sentence is asked about; a reload in mid-answer loses and doubles nothing", async () => {
  const { page, path } = await inLesson();
  await looks(page, "10-lesson");
  const quote = await selectSentence(page);
  await page.getByRole("button", { name: /Ask AI Alt/ }).waitFor();
  await page.screenshot({ path: new URL("./screenshots/11-chip-light.png", import.meta.url).pathname });
  await page.getByRole("button", { name: /Ask AI Alt/ }).click();
  const composer = page.getByRole("textbox", { name: "Your message" });
  await composer.waitFor();
  assert.equal(await composer.evaluate((element) => element === document.activeElement), true, "the composer has the focus");
  assert.equal((await page.locator(".quote-chip-text").innerText()).includes(quote), true);
  await page.locator("aside.chat[data-phase=online]").waitFor();
  await page.getByText("Passage guide: quotes your lessons. Not an AI model.").waitFor();
  await looks(page, "12-chat-empty");

  await ask(page, "Why is that so? Give me something to think about.");
  await running(page).waitFor();
  const early = (await running(page).innerText()).length;
  await page.waitForFunction((length) => (document.querySelector(".say-running .md")?.innerText.length ?? 0) > length, early);
  await page.reload();
  await running(page).waitFor();
  await page.getByText("Resumed where it was").waitFor();
  await page.screenshot({ path: new URL("./screenshots/13-resumed-light.png", import.meta.url).pathname });
  const streamed = await ended(page);
  assert.equal(streamed.status, "done");
  assert.equal(streamed.verified, "true", "length and sha256 of `end` hold for what this page put together");
  assert.ok(streamed.length > 40);
  await page.locator(".say-you").waitFor();
  assert.equal(await page.locator(".say-you").count(), 1);
  assert.equal(await page.locator(".say-tutor").count(), 1);
  await looks(page, "14-answer");

  // The stored conversation, read afresh, is the very same.
  await page.goto(path);
  const stored = await ended(page);
  assert.deepEqual(stored, streamed);
  assert.deepEqual(page.problems, []);
});

test("a reload right after Enter asks once, whether or not the server had the message", async () => {
  const { page } = await inLesson();
  await page.keyboard.press("Alt+a");
  await page.locator("aside.chat[data-phase=online]").waitFor();
  await ask(page, "What is the main idea of this lesson?");
  await page.reload();
  const end = await ended(page);
  assert.equal(end.verified, "true");
  assert.equal(await page.locator(".say-you").count(), 1);
  assert.equal(await page.locator(".say-tutor").count(), 1);
  assert.equal(await page.locator("[data-remaining]").getAttribute("data-remaining"), "19");
  const { threads } = await (await page.request.get("/api/v1/threads")).json();
  assert.equal(threads.length, 1);
  assert.deepEqual(page.problems, []);
});

test("a citation scrolls to its block and marks it", async () => {
  const { page } = await inLesson();
  await page.keyboard.press("Alt+a");
  await ask(page, "What is the main idea of this lesson?");
  await ended(page);
  const source = page.locator(".source").first();
  await source.waitFor();
  await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
  await source.click();
  const marked = page.locator(".block.marked");
  await marked.waitFor();
  assert.equal(await marked.count(), 1);
  await page.waitForFunction(() => {
    const box = document.querySelector(".block.marked").getBoundingClientRect();
    return box.top >= 0 && box.top < window.innerHeight;
  });
  await looks(page, "15-citation");
  await page.setViewportSize({ width: 1360, height: 860 });
  assert.deepEqual(page.problems, []);
});

test("a citation of another lesson goes there, marks the block, and the chat comes along", async () => {
  const page = await newPage(session.browser);
  let other = null;
  await page.routeWebSocket(/\/api\/v1\/live/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => {
      // The tutor decides what it cites; here its list leads to a block of the next lesson.
      const lines = String(message).split("\n").map((line) => {
        const frame = JSON.parse(line);
        return frame.type === "citations" ? JSON.stringify({ ...frame, sources: [other, ...frame.sources.slice(1)] }) : line;
      });
      socket.send(lines.join("\n"));
    });
  });
  await asLearner(page);
  const { path, course } = await firstLesson(page);
  const next = course.lessons[1];
  const { blocks } = await (await page.request.get(`/api/v1/courses/${course.id}/lessons/${next.id}`)).json();
  const block = blocks[blocks.length - 2];
  other = { id: `${next.id}#${block.id}`, title: next.title, stage: next.stage, score: 1 };
  await page.goto(path);
  await page.locator(".block-paragraph").first().waitFor();
  await page.keyboard.press("Alt+a");
  await ask(page, "What is the main idea of this lesson?");
  const answer = await ended(page);
  await page.locator(".source").first().click();
  await page.waitForURL(`**/learn/${course.id}/${next.id}#${block.id}`);
  await page.locator(`[id="${block.id}"].marked`).waitFor();
  assert.equal((await ended(page)).sha256, answer.sha256);
});

test("stop ends the answer on the server, and what was written stays, proven", async () => {
  const { page, path } = await inLesson();
  await page.keyboard.press("Alt+a");
  await ask(page, "Tell me about every part of this lesson in turn.");
  await running(page).waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  const stopped = await ended(page);
  assert.equal(stopped.status, "cancelled");
  assert.equal(stopped.verified, "true");
  await page.getByText("Stopped", { exact: true }).waitFor();
  await looks(page, "16-stopped");
  await page.goto(path);
  assert.deepEqual(await ended(page), stopped, "nothing was written after the stop");
  await ask(page, "Another hint, please.");
  assert.equal((await ended(page, 2)).verified, "true", "the chat goes on after a stop");
  assert.deepEqual(page.problems, []);
});

test("a connection lost in mid-answer comes back by itself, and each word is there once", async () => {
  const page = await newPage(session.browser);
  let drops = 0;
  let sockets = 0;
  await page.routeWebSocket(/\/api\/v1\/live/, (socket) => {
    sockets += 1;
    const server = socket.connectToServer();
    let dropped = false;
    server.onMessage((message) => {
      if (dropped) return;
      socket.send(message);
      if (drops < 2 && String(message).includes('"type":"delta"')) {
        drops += 1;
        dropped = true;
        void server.close({ code: 1000 });
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
  const end = await ended(page);
  assert.equal(end.status, "done");
  assert.equal(end.verified, "true");
  assert.equal(drops, 2);
  assert.ok(sockets >= 3, `${sockets} connections`);
  assert.equal(await page.locator(".say-you").count(), 1);
});

test("quick replies send or prefill, and the count of messages goes down", async () => {
  const { page } = await inLesson();
  await page.getByRole("button", { name: "Ask the tutor" }).click();
  await page.locator("aside.chat[data-phase=online]").waitFor();
  const left = async () => Number(await page.locator("[data-remaining]").getAttribute("data-remaining"));
  const before = await left();
  await page.getByRole("button", { name: "Give me an example to think about." }).click();
  await ended(page);
  assert.equal(await left(), before - 1);
  await page.getByRole("button", { name: "I think the answer is…" }).click();
  assert.equal(await page.getByRole("textbox", { name: "Your message" }).inputValue(), "I think the answer is ");
  await page.getByRole("button", { name: "Another hint" }).click();
  assert.equal((await ended(page, 2)).verified, "true");
  assert.equal(await page.locator("[data-hint]").count(), 1);
  assert.deepEqual(page.problems, []);
});

test("a chat is renamed in place, found by its title, and deleted after a question", async () => {
  const { page } = await inLesson();
  await page.keyboard.press("Alt+a");
  await ask(page, "What is the main idea of this lesson?");
  await ended(page);
  await page.getByRole("button", { name: /^Rename the chat/ }).click();
  await page.getByLabel("Title of the chat").fill("Clocks and order");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Rename the chat: Clocks and order" }).waitFor();

  await page.goto("/threads");
  await page.getByText("Clocks and order").waitFor();
  await looks(page, "17-threads");
  await page.getByLabel("Search your chats").fill("no such chat anywhere");
  await page.getByText("No chat matches.").waitFor();
  await page.getByLabel("Search your chats").fill("main idea");
  await page.getByLabel("Search your chats").fill("");
  await page.getByRole("button", { name: "Rename Clocks and order" }).click();
  await page.getByLabel("New title").fill("Order of events");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: /^Order of events/ }).click();
  await page.locator("aside.chat .say-tutor").waitFor();
  await page.getByRole("button", { name: "Rename the chat: Order of events" }).waitFor();

  await page.getByRole("button", { name: "All chats" }).click();
  await page.getByRole("button", { name: "Delete Order of events" }).click();
  await looks(page, "18-delete");
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("No chats yet.").waitFor();
  assert.deepEqual(page.problems, []);
});

test("the chat works by keyboard: a block's own button, Escape, and the focus goes back", async () => {
  const { page } = await inLesson();
  const button = page.locator(".block-paragraph .block-ask").first();
  await button.focus();
  await page.keyboard.press("Enter");
  await page.locator(".quote-chip").waitFor();
  await page.getByRole("button", { name: "Remove the quote" }).click();
  assert.equal(await page.locator(".quote-chip").count(), 0);
  await page.keyboard.press("Escape");
  await page.locator("aside.chat").waitFor({ state: "detached" });
  assert.equal(await button.evaluate((element) => element === document.activeElement), true);
});
