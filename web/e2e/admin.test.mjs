import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { account, asLearner, firstLesson, launch, looks, newPage, signInAs } from "./harness.mjs";

let session;
before(async () => {
  session = await launch();
});
after(() => session?.close());

test("the admin sees a learner's session appear, move and go", async () => {
  const admin = await newPage(session.browser);
  await signInAs(admin, account("admin"));
  await admin.goto("/admin");
  await admin.locator("[data-tile=Connected] .tile-value").waitFor();
  await admin.locator(".table tbody tr[data-session]").first().waitFor();

  const name = `Grace ${Date.now().toString(36)}`;
  const learner = await newPage(session.browser);
  await asLearner(learner, { name });
  const { path, course, lesson } = await firstLesson(learner);
  await learner.goto(path);
  const row = admin.locator(`.table tr[data-user="${name}"]`);
  await row.waitFor();
  await row.getByText(`${course.id} / ${lesson.id}`).waitFor();
  await looks(admin, "20-admin");

  await admin.getByLabel("Filter the sessions").fill(name.toLowerCase());
  assert.equal(await admin.locator(".table tbody tr[data-session]").count(), 1);
  await admin.getByLabel("Filter the sessions").fill("nobody of that name");
  await admin.getByText("No session matches.").waitFor();
  await admin.getByLabel("Filter the sessions").fill("");

  await learner.context().close();
  await row.waitFor({ state: "detached", timeout: 60_000 });
  assert.deepEqual(admin.problems, []);
});

test("a student is told that the page is for staff", async () => {
  const page = await newPage(session.browser);
  await asLearner(page);
  await page.goto("/admin");
  await page.getByRole("heading", { name: "For staff" }).waitFor();
  assert.equal(await page.locator("[data-tile]").count(), 0);
  await looks(page, "21-for-staff");
});

test("a chosen theme outlives a reload, and outranks the system's", async () => {
  const page = await newPage(session.browser, { colorScheme: "light" });
  await page.goto("/");
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.getByRole("button", { name: /^Theme/ }).click();
  await page.getByRole("button", { name: "Theme: light. Change" }).click();
  await page.getByRole("button", { name: "Theme: dark. Change" }).waitFor();
  const dark = await paper();
  assert.notEqual(dark, light);
  await page.reload();
  assert.equal(await paper(), dark);
  assert.deepEqual(page.problems, []);
});
