import { beforeEach, expect, test } from "vitest";
import { LiveClient } from "../src/live/client";
import type { SessionRow, TurnRow } from "../src/live/frames";
import { FakeNet } from "./fake-net";
import { answer, welcome } from "./frames";

let net: FakeNet;
let client: LiveClient;

async function online(): Promise<void> {
  await net.settle();
  net.open();
  await net.settle();
  net.say(welcome(net.last("hello")["id"]));
  await net.settle();
}

beforeEach(async () => {
  net = new FakeNet();
  client = new LiveClient(net.around);
  client.connect();
  await online();
});

const session = (id: string, lag = 0): SessionRow => ({
  session: id, connection: `c-${id}`, node: "n1", user: { id: `u-${id}`, name: id, role: "student" }, page: null, since: "2026-11-22T14:00:00Z",
  threads: [], transport: "websocket", queued_bytes: 0, lag,
});
const turn = (id: string): TurnRow => ({
  turn: id, thread: "t", user: "u", status: "running", node: "n1", attempt: 1, since: "2026-11-22T14:00:00Z", hint_level: 1, tokens: 4, tokens_per_second: 2,
});

test("a snapshot, then what was added, updated and removed", () => {
  client.watch("sessions");
  expect(client.feeds.value.sessions?.rows).toBeNull();
  net.say({ type: "feed.snapshot", feed: "sessions", rows: [session("a"), session("b")] });
  net.say({ type: "feed.diff", feed: "sessions", add: [session("c")], update: [session("a", 5)], remove: ["b"] });
  const rows = client.feeds.value.sessions?.rows;
  expect([...(rows?.keys() ?? [])]).toEqual(["a", "c"]);
  expect(rows?.get("a")?.lag).toBe(5);
});

test("several feeds at once keep their rows apart, each under its own id", () => {
  client.watch("turns");
  client.watch("thread:t1");
  net.say({ type: "feed.snapshot", feed: "turns", rows: [turn("trn_1")] });
  net.say({ type: "feed.snapshot", feed: "thread:t1", rows: [answer("msg_1", "ab"), { id: "trn_1", type: "running_turn", attempt: 1, text: "cd" }] });
  net.say({ type: "feed.diff", feed: "thread:t1", add: [answer("msg_2", "cd")], update: [], remove: ["trn_1"] });
  expect(client.feeds.value.turns?.rows?.get("trn_1")?.tokens).toBe(4);
  expect([...(client.feeds.value["thread:t1"]?.rows?.keys() ?? [])]).toEqual(["msg_1", "msg_2"]);
});

test("each feed is watched again after a reconnect, with its filter, and its old rows stand until then", async () => {
  client.watch("sessions", { role: "student" });
  client.watch("turns");
  await net.settle();
  net.say({ type: "feed.snapshot", feed: "sessions", rows: [session("a")] });
  net.drop(4300);
  net.runTimers();
  await online();
  const watched = net.sent.filter((frame) => frame["type"] === "watch").slice(2);
  expect(watched.map((frame) => [frame["feed"], frame["filter"]])).toEqual([["sessions", { role: "student" }], ["turns", undefined]]);
  expect(client.feeds.value.sessions?.rows?.size).toBe(1);
});

test("a left feed is unwatched, and what still comes of it is dropped", async () => {
  const leave = client.watch("errors");
  leave();
  leave();
  await net.settle();
  expect(net.sent.filter((frame) => frame["type"] === "unwatch")).toHaveLength(1);
  net.say({ type: "feed.snapshot", feed: "errors", rows: [] });
  expect(client.feeds.value).toEqual({});
});

test("a feed that is not for this person says so, and the others go on", async () => {
  client.watch("nodes");
  client.watch("sessions");
  await net.settle();
  const asked = net.sent.find((frame) => frame["feed"] === "nodes");
  net.say({ type: "error", id: asked?.["id"], code: "forbidden", message: "This is for administrators." });
  await net.settle();
  net.say({ type: "feed.snapshot", feed: "sessions", rows: [] });
  expect(client.feeds.value.nodes?.refused).toBe("This is for administrators.");
  expect(client.feeds.value.sessions?.rows?.size).toBe(0);
  expect(client.status.value.phase).toBe("online");
});
