// Many conversations at once over roads that are cut, held up and torn into single bytes. Whatever
// the road does, each answer arrives whole and ends once.
import { afterAll, beforeAll, expect, test } from "vitest";
import { LiveClient } from "../src/live/client";
import type { Page } from "../src/live/frames";
import { Conversation } from "./conversation";
import { History } from "./history";
import { Person, readyFile } from "./person";
import { LossyProxy } from "./proxy";
import { SEED, seeded } from "./seed";
import { ended, online, streaming } from "./wait";

const LEARNERS = 4;
/** More than the three answers that a learner may have at once: some wait their turn. */
const EACH = 4;
/** Connections of a client that suffer before the road is mended. */
const LOSSY = 8;

/** Pauses before a reconnect pass four times as fast; acks and heartbeats keep their time. */
const hurried = (ms: number) => (ms === 1_000 || ms >= 25_000 ? ms : ms / 4);

const ready = readyFile(process.env["INTELLISTACK_READY"]);
const roads: LossyProxy[] = [];
let page: Page;

beforeAll(async () => {
  page = await (await Person.demo(ready, "student")).firstLesson();
});
afterAll(async () => {
  for (const road of roads) await road.close();
});

async function road(seed: number, lossy = LOSSY): Promise<LossyProxy> {
  const proxy = await LossyProxy.to(ready.url, { seed, lossy });
  roads.push(proxy);
  return proxy;
}

async function talk(talk: Conversation): Promise<void> {
  const first = await talk.ask(talk.question());
  await talk.hint(first.turn);
  const second = await talk.askAndStop(talk.question());
  await talk.ask(talk.question());
  await talk.regenerate(talk.items("assistant_message").at(-1) ?? "");
  const before = talk.items("user_message");
  await talk.edit(before[1] ?? "", "And what would change my mind about it?");
  expect(talk.items("user_message")).toHaveLength(2);
  expect(talk.items("user_message")[0]).toBe(before[0]);
  expect(second.status).toMatch(/cancelled|done/);
}

test("every answer arrives whole, in order and once, whatever the road does", async () => {
  const talks: Conversation[] = [];
  await Promise.all(
    Array.from({ length: LEARNERS }, async (_, learner) => {
      const person = await Person.learner(ready.url);
      await Promise.all(
        Array.from({ length: EACH }, async (_, nth) => {
          const seed = SEED + learner * 100 + nth;
          const conversation = new Conversation(person, await road(seed), page, seeded(seed), hurried);
          talks.push(conversation);
          await talk(conversation);
          await conversation.cutAtRest();
        }),
      );
    }),
  );
  expect(talks.flatMap((conversation) => conversation.check())).toEqual([]);
  const counted = { connections: 0, cuts: 0, stalls: 0, torn: 0 };
  for (const { counted: one } of roads) for (const key of Object.keys(counted) as (keyof typeof counted)[]) counted[key] += one[key];
  const modes = talks.reduce((sum, { history }) => history.addModes(sum), {} as Record<string, number>);
  console.log(`seed ${SEED}: ${talks.length} conversations, ${talks.reduce((sum, { turns }) => sum + turns.length, 0)} answers`, counted, modes);
  expect(counted.cuts).toBeGreaterThan(2 * talks.length);
  expect(counted.stalls).toBeGreaterThan(0);
  expect(counted.torn).toBeGreaterThan(0);
  expect(modes).toMatchObject({ current: expect.any(Number), replay: expect.any(Number) });
  for (const conversation of talks) conversation.close();
});

test("a reader who comes late gets a snapshot, then the tail, and the same text", async () => {
  const person = await Person.learner(ready.url);
  const random = seeded(SEED);
  const writer = new Conversation(person, await road(SEED, 0), page, random);
  const answer = writer.ask("What is the main idea of this lesson?");
  const { thread } = await streaming(writer.client, 10);
  const around = person.around(random);
  const late = new LiveClient(around);
  const history = new History(late);
  history.listen(around);
  void late.open(thread);
  late.connect();
  const { turn, sha256, text } = await answer;
  const end = await ended(late, thread, turn);
  expect(end).toMatchObject({ sha256, text, verified: "true" });
  expect(history.check([turn])).toEqual([]);
  expect(history.addModes({})).toEqual({ snapshot: 1 });
  expect(writer.check()).toEqual([]);
  late.disconnect();
  writer.close();
});

test("a road that falls silent is given up, and the answer goes on over another", async () => {
  const person = await Person.learner(ready.url);
  const proxy = await road(SEED, 0);
  const conversation = new Conversation(person, proxy, page, seeded(SEED), (ms) => (ms >= 25_000 ? ms / 25 : ms));
  const answer = conversation.ask("What is the main idea of this lesson?");
  await streaming(conversation.client, 5);
  proxy.freeze();
  expect(await answer).toMatchObject({ status: "done", verified: "true" });
  await online(conversation.client);
  expect(proxy.counted.connections).toBeGreaterThan(1);
  expect(conversation.check()).toEqual([]);
  conversation.close();
});
