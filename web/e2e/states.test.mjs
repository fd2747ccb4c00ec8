// What the chat shows when something is in the way. The server is real; where a state would need a
// broken one, the socket between it and the page is cut or altered.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, asLearner, ended, firstLesson, launch, looks, newPage } from "./harness.mjs";

let session;
before(async () => {
  session = await launch();
});
after(() => session?.close());

async function openLesson(page) {
  await asLearner(page);
  const { path, course, lesson } = await firstLesson(page);
  await page.goto(path);
  await page.locator(".block-paragraph").first().waitFor();
  return { path, course, lesson };
}

test("the day's messages used up: the chat says so, and the refused message can be taken back", async () => {
  const page = await newPage(session.browser);
  const { course, lesson } = await openLesson(page);
  const codes = await page.evaluate(async (where) => {
    const { ticket } = await (await fetch("/api/v1/live/ticket", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" })).json();
    const socket = new WebSocket(`ws://${location.host}/api/v1/live`, ["tutor.v1.json", `tutor.ticket.${ticket}`]);
    const answers = [];
    return new Promise((resolve, reject) => {
      socket.onclose = (event) => reject(new Error(`closed ${event.code}`));
      socket.onopen = () => socket.send(JSON.stringify({ type: "hello", id: 1, client: "e2e", resume: [] }));
      socket.onmessage = (event) => {
        for (const line of event.data.split("\n")) {
          const frame = JSON.parse(line);
          if (frame.type === "welcome") {
            const sends = Array.from({ length: 22 }, (_, index) => ({ type: "send", id: index + 2, message_id: `e2e-${index}`, text: `Question ${index}?`, page: where }));
            socket.send(sends.map((send) => JSON.stringify(send)).join("\n"));
          }
          if ((frame.type === "ok" || frame.type === "error") && frame.id >= 2) answers.push(frame.type === "ok" ? "ok" : frame.code);
          if (answers.length === 22) resolve(answers);
        }
      };
    });
  }, { course: course.id, lesson: lesson.id });
  assert.deepEqual(codes.filter((code) => code === "ok").length, 20);
  assert.deepEqual(codes.filter((code) => code === "quota_exceeded").length, 2);

  await page.reload();
  await page.getByRole("button", { name: "Ask the tutor" }).click();
  await page.locator("[data-remaining='0']").waitFor();
  await page.getByText("You have used your 20 messages").first().waitFor();
  await ask(page, "One more?");
  await page.locator("[data-refused=quota_exceeded]").waitFor();
  await looks(page, "30-rate-limited");
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  assert.equal(await page.getByRole("textbox", { name: "Your message" }).inputValue(), "One more?");
  assert.deepEqual(page.problems, []);
});

test("a failed answer keeps what came, says why, and another is written in its place", async () => {
  const page = await newPage(session.browser);
  const ids = [];
  let failures = 0;
  await page.routeWebSocket(/\/api\/v1\/live/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      for (const line of String(message).split("\n")) {
        const frame = JSON.parse(line);
        if (frame.type === "send" || frame.type === "regenerate") ids.push([frame.type, frame.message_id]);
      }
      server.send(message);
    });
    server.onMessage((message) => {
      const lines = String(message).split("\n").map((line) => {
        const frame = JSON.parse(line);
        if (frame.type !== "end" || failures > 0) return line;
        failures += 1;
        return JSON.stringify({ ...frame, status: "failed", error: { code: "upstream_error", message: "The model broke off." } });
      });
      socket.send(lines.join("\n"));
    });
  });
  await openLesson(page);
  await page.keyboard.press("Alt+a");
  await ask(page, "What is the main idea of this lesson?");
  assert.equal((await ended(page)).status, "failed");
  await page.getByText("The model broke off.").waitFor();
  await looks(page, "31-failed");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator(".say-tutor[data-status=failed]").waitFor({ state: "detached" });
  assert.equal((await ended(page)).status, "done");
  assert.deepEqual(ids.map(([type]) => type), ["send", "regenerate"]);
  assert.notEqual(ids[0][1], ids[1][1]);
  assert.equal(await page.locator(".say-you").count(), 1);
});

test("offline is said, and the chat goes on when the network is back", async () => {
  const page = await newPage(session.browser);
  let cut = null;
  await page.routeWebSocket(/\/api\/v1\/live/, (socket) => {
    const server = socket.connectToServer();
    cut = async () => {
      await server.close({ code: 1000 });
      await socket.close({ code: 4302 });
    };
  });
  await openLesson(page);
  await page.keyboard.press("Alt+a");
  await page.locator("aside.chat[data-phase=online]").waitFor();
  await page.context().setOffline(true);
  await cut();
  await page.getByText("You are offline.").waitFor();
  await looks(page, "32-offline");
  await page.context().setOffline(false);
  await page.locator("aside.chat[data-phase=online]").waitFor();
  await ask(page, "What is the main idea of this lesson?");
  assert.equal((await ended(page)).verified, "true");
});

test("a connection closed for good says why and does not come back", async () => {
  const page = await newPage(session.browser);
  let sockets = 0;
  let close = null;
  await page.routeWebSocket(/\/api\/v1\/live/, (socket) => {
    sockets += 1;
    const server = socket.connectToServer();
    close = async () => {
      await server.close({ code: 1000 });
      await socket.close({ code: 4003 });
    };
  });
  await openLesson(page);
  await page.keyboard.press("Alt+a");
  await page.locator("aside.chat[data-phase=online]").waitFor();
  await close();
  await page.getByText("An operator closed this connection.").waitFor();
  await looks(page, "33-closed");
  assert.equal(sockets, 1);
});

test("a lesson of a locked stage looks the same as one that does not exist", async () => {
  const page = await newPage(session.browser);
  const { course } = await openLesson(page);
  await page.goto(`/learn/${course.id}/no-such-lesson`);
  await page.getByText("This lesson is not open to you.").waitFor();
  await looks(page, "34-locked");
  assert.deepEqual(page.problems, []);
});
