// The live tables of the admin page, and what staff do from them to a learner who is in a lesson.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { account, ask, asLearner, ended, firstLesson, launch, looks, newPage, signInAs } from "./harness.mjs";

let session;
before(async () => {
  session = await launch();
});
after(() => session?.close());

let people = 0;

/** A learner in a lesson with the chat open, under a name of her own. */
async function learner() {
  people += 1;
  const name = `Grace ${Date.now().toString(36)}${people}`;
  const page = await newPage(session.browser);
  const { email } = await asLearner(page, { name });
  const { path } = await firstLesson(page);
  await page.goto(path);
  await page.locator(".block-paragraph").first().waitFor();
  await page.keyboard.press("Alt+a");
  await page.locator("aside.chat[data-phase=online]").waitFor();
  return { page, name, email, path };
}

async function staff(role = "admin") {
  const page = await newPage(session.browser);
  await signInAs(page, account(role));
  await page.goto("/admin");
  await page.locator(".table tbody tr[data-session]").first().waitFor();
  return page;
}

async function drawer(admin, name) {
  await admin.locator(`tr[data-user="${name}"]`).getByRole("button", { name }).click();
  const found = admin.getByRole("dialog", { name: `Session of ${name}` });
  await found.waitFor();
  return found;
}

/** The last action was done, and its audit entry is named. */
async function audited(admin, words) {
  await admin.locator("[data-outcome]").getByText(words).waitFor();
  assert.match(await admin.locator("[data-audit]").innerText(), /^aud_/);
}

test("a conversation is watched as it goes on; a notice reaches the learner, who puts it away", async () => {
  const admin = await staff();
  const { page, name } = await learner();
  await ask(page, "What is the main idea of this lesson?");
  const answer = await ended(page);
  const open = await drawer(admin, name);
  await open.getByRole("button", { name: "Watch chat 1" }).click();
  await open.locator("[data-entry=assistant_message]").waitFor();
  assert.equal(await open.locator("[data-entry=assistant_message] .md").innerText(), answer.text);
  await ask(page, "Why does that follow?");
  await open.getByText("Why does that follow?").waitFor();
  await open.locator("[data-entry=running_turn]").waitFor();
  await looks(admin, "50-session");
  await ended(page, 2);
  await open.locator("[data-entry=assistant_message]").nth(1).waitFor();
  assert.equal(await open.locator("[data-entry=running_turn]").count(), 0);

  await open.getByLabel("Notice", { exact: true }).fill("The library closes at five.");
  await open.getByRole("button", { name: "Send the notice" }).click();
  await audited(admin, `${name} was told.`);
  const notice = page.locator("[data-notice]");
  await notice.getByText("The library closes at five.").waitFor();
  await looks(page, "51-notice");
  await notice.getByRole("button", { name: "Put this notice away" }).click();
  await notice.waitFor({ state: "detached" });
  await admin.keyboard.press("Escape");
  await open.waitFor({ state: "detached" });
  assert.deepEqual([...page.problems, ...admin.problems], []);
});

test("a learner who is disconnected is told why, and stays away", async () => {
  const admin = await staff();
  const { page, name } = await learner();
  const open = await drawer(admin, name);
  await open.getByLabel(`Reason, shown to ${name}`).fill("Please read the rules first.");
  await open.getByRole("button", { name: "Disconnect" }).click();
  await looks(admin, "52-disconnect");
  await open.getByRole("alertdialog").getByRole("button", { name: "Disconnect" }).click();
  await page.getByText("Please read the rules first.").waitFor();
  await audited(admin, `${name} was disconnected.`);
  await page.locator("aside.chat[data-phase=stopped]").waitFor();
  await open.getByText("This session has ended.").waitFor();
  await looks(page, "53-disconnected");
});

test("signing somebody out everywhere ends the page that is open", async () => {
  const admin = await staff();
  const { page, name } = await learner();
  const open = await drawer(admin, name);
  await open.getByRole("button", { name: "Sign out everywhere" }).click();
  await open.getByRole("alertdialog").getByRole("button", { name: "Sign out" }).click();
  await audited(admin, `${name} was signed out everywhere.`);
  await page.getByRole("heading", { name: "Welcome back" }).waitFor();
});

test("a learner's messages a day are set, and hold with the next question", async () => {
  const admin = await staff();
  const { page, name } = await learner();
  const open = await drawer(admin, name);
  await open.getByRole("spinbutton", { name: "Messages a day" }).fill("1");
  await open.getByRole("button", { name: "Set", exact: true }).click();
  await audited(admin, `${name} has 1 message a day.`);
  await ask(page, "What is the main idea of this lesson?");
  await ended(page);
  await ask(page, "One more?");
  await page.locator("[data-refused=quota_exceeded]").waitFor();
  await page.getByText("You have used your 1 message of").first().waitFor();
});

test("an answer under way is in its table, and can be stopped there", async () => {
  const admin = await staff();
  const { page, name } = await learner();
  await admin.getByRole("tab", { name: /^Answers/ }).click();
  await admin.getByRole("heading", { name: "Answers under way" }).waitFor();
  await ask(page, "Tell me about every part of this lesson in turn.");
  const row = admin.locator("tr[data-turn]").filter({ hasText: name });
  await row.getByRole("button", { name: "Stop" }).click();
  await audited(admin, `The answer for ${name} was stopped.`);
  // With the words that had come, or before the first.
  await page.locator("[data-turn][data-status=cancelled]").waitFor();
  await row.waitFor({ state: "detached" });
});

test("servers, sign-ins and errors have their tables; a drain asks first", async () => {
  const admin = await staff();
  const { email } = await learner();
  await admin.getByRole("tab", { name: /^Servers/ }).click();
  const node = admin.locator("tr[data-node]");
  await node.first().getByText("serving").waitFor();
  await node.first().getByRole("button", { name: "Drain" }).click();
  await admin.getByRole("alertdialog").getByRole("button", { name: "Drain it" }).waitFor();
  await looks(admin, "54-servers");
  await admin.getByRole("alertdialog").getByRole("button", { name: "No" }).click();
  await node.first().getByText("serving").waitFor();

  await admin.getByRole("tab", { name: /^Servers/ }).focus();
  await admin.keyboard.press("ArrowRight");
  assert.equal(await admin.getByRole("tab", { name: /^Sign-ins/ }).getAttribute("aria-selected"), "true");
  await admin.locator("tr[data-event]").filter({ hasText: email }).first().waitFor();
  await looks(admin, "55-sign-ins");
  await admin.getByRole("tab", { name: /^Errors/ }).click();
  await admin.getByRole("heading", { name: "Warnings and errors" }).waitFor();
  await admin.getByRole("region", { name: "Warnings and errors" }).waitFor();
  await looks(admin, "56-errors");
  await admin.reload();
  await admin.getByRole("heading", { name: "Warnings and errors" }).waitFor();
  assert.deepEqual(admin.problems, []);
});

test("an instructor sees neither the tables nor the actions that are for admins", async () => {
  const instructor = await staff("instructor");
  const { name } = await learner();
  assert.deepEqual((await instructor.getByRole("tab").allInnerTexts()).map((text) => text.replace(/\d+$/, "").trim()), ["Sessions", "Answers", "Apps"]);
  const open = await drawer(instructor, name);
  await open.getByRole("button", { name: "Disconnect" }).waitFor();
  for (const action of [/Sign out/, "Set"]) assert.equal(await open.getByRole("button", { name: action, exact: true }).count(), 0);
  await looks(instructor, "57-instructor");
  assert.deepEqual(instructor.problems, []);
});

test("of many hundred sessions the page holds only those in view", async () => {
  const admin = await newPage(session.browser);
  await admin.routeWebSocket(/\/api\/v1\/live/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => {
      // A school of 700, made of the one session that is really there.
      const lines = String(message).split("\n").map((line) => {
        const frame = JSON.parse(line);
        if (frame.type !== "feed.snapshot" || frame.feed !== "sessions") return line;
        const [one] = frame.rows;
        const rows = Array.from({ length: 700 }, (_, at) => ({
          ...one, session: `s_${at}`, user: { ...one.user, name: `Learner ${at}` }, since: new Date(Date.UTC(2026, 0, 1) - at * 60_000).toISOString(),
        }));
        return JSON.stringify({ ...frame, rows });
      });
      socket.send(lines.join("\n"));
    });
  });
  await signInAs(admin, account("admin"));
  await admin.goto("/admin");
  await admin.locator("tr[data-user='Learner 0']").waitFor();
  const rows = admin.locator("tr[data-session]");
  assert.ok((await rows.count()) < 100, `${await rows.count()} rows in the page`);
  await admin.getByRole("region", { name: "Live sessions" }).evaluate((box) => box.scrollTo(0, box.scrollHeight));
  await admin.locator("tr[data-user='Learner 699']").waitFor();
  assert.equal(await admin.locator("tr[data-user='Learner 0']").count(), 0);
  assert.ok((await rows.count()) < 100);
  await looks(admin, "58-many-sessions");
  await admin.getByLabel("Filter the sessions").fill("learner 345");
  await admin.locator("tr[data-user='Learner 345']").waitFor();
  assert.equal(await rows.count(), 1);
  assert.deepEqual(admin.problems, []);
});
