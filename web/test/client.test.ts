import { beforeEach, describe, expect, test } from "vitest";
import { LiveClient, Refused } from "../src/live/client";
import { FakeNet } from "./fake-net";

let net: FakeNet;
let client: LiveClient;

beforeEach(() => {
  net = new FakeNet();
  client = new LiveClient(net.around);
});

async function online(): Promise<void> {
  client.connect();
  await net.settle();
  net.open();
  await net.settle();
  net.say({ type: "welcome", id: net.last("hello")["id"], session: "s_1", connection: "c1", node: "n1", user: { id: "u", name: "Ada", role: "student" } });
  await net.settle();
}

const accepted = (id: unknown, extra: object = {}) => ({ type: "ok", id, thread: "t", epoch: "e", item: "m1", turn: "u1", seq: 1, duplicate: false, ...extra });

describe("getting in", () => {
  test("the ticket is the second subprotocol and hello the first frame", async () => {
    client.setPage({ course: "agree", lesson: "clocks" });
    await online();
    expect(net.protocols).toEqual([["tutor.v1.json", "tutor.ticket.k1"]]);
    expect(net.sent[0]).toMatchObject({ type: "hello", page: { course: "agree", lesson: "clocks" }, resume: [] });
    expect(client.status.value.phase).toBe("online");
  });

  test("no session: no socket, and it says so", async () => {
    net.ticket = () => Promise.reject(new Refused("unauthorized", "x"));
    client.connect();
    await net.settle();
    expect(client.status.value.phase).toBe("signed-out");
    expect(net.protocols).toEqual([]);
  });

  test("a reconnect takes a new ticket, the same stay, and resumes from the last seq", async () => {
    await online();
    void client.send({ thread: null, messageId: "a", text: "why?" });
    await net.settle();
    net.say(accepted(net.last("send")["id"]), { type: "message", thread: "t", seq: 1, epoch: "e", item: { id: "m1", type: "user_message" } });
    net.drop(4301);
    net.runTimers();
    await net.settle();
    net.open();
    await net.settle();
    expect(net.protocols[1]).toEqual(["tutor.v1.json", "tutor.ticket.k2"]);
    expect(net.last("hello")).toMatchObject({ session: "s_1", resume: [{ thread: "t", epoch: "e", seq: 1 }] });
  });

  test("a 4003 stops, and nothing dials again", async () => {
    await online();
    net.drop(4003);
    net.runTimers();
    await net.settle();
    expect(client.status.value).toMatchObject({ phase: "stopped" });
    expect(net.protocols).toHaveLength(1);
  });
});

describe("asking", () => {
  test("an unanswered send is asked again on the next connection with the same message id", async () => {
    await online();
    const sent = client.send({ thread: null, messageId: "once", text: "why?" });
    await net.settle();
    net.drop(1006);
    net.runTimers();
    await net.settle();
    net.open();
    await net.settle();
    net.say({ type: "welcome", id: net.last("hello")["id"], session: "s_1", connection: "c2", node: "n1", user: { id: "u", name: "Ada", role: "student" } });
    await net.settle();
    const sends = net.sent.filter((frame) => frame["type"] === "send");
    expect(sends.map((frame) => frame["message_id"])).toEqual(["once", "once"]);
    net.say(accepted(net.last("send")["id"], { duplicate: true }));
    await net.settle();
    expect((await sent).duplicate).toBe(true);
    // The first connection had opened the thread, this one has not.
    expect(net.last("open")["thread"]).toBe("t");
  });

  test("a refusal carries the server's code and words", async () => {
    await online();
    const sent = client.send({ thread: null, messageId: "a", text: "why?" });
    await net.settle();
    net.say({ type: "error", id: net.last("send")["id"], code: "quota_exceeded", message: "Used up.", quota: { limit: 20, remaining: 0, resets_at: null } });
    await expect(sent).rejects.toMatchObject({ code: "quota_exceeded", message: "Used up." });
    expect(client.status.value.quota?.remaining).toBe(0);
  });

  test("a hole in the log asks for a snapshot of that thread", async () => {
    await online();
    void client.send({ thread: null, messageId: "a", text: "why?" });
    await net.settle();
    net.say(accepted(net.last("send")["id"]), { type: "turn", thread: "t", seq: 3, turn: "u1", attempt: 1, status: "running" });
    await net.settle();
    expect(net.last("open")["thread"]).toBe("t");
    expect(client.threads.value["t"]?.sync).toBe("gap");
  });
});

describe("threads and feeds", () => {
  const welcome = () => net.say({ type: "welcome", id: net.last("hello")["id"], session: "s_1", connection: "c", node: "n1", user: { id: "u", name: "Ada", role: "admin" } });

  test("a thread opened while hello is under way is asked for after the welcome", async () => {
    client.connect();
    await net.settle();
    net.open();
    await net.settle();
    void client.open("late");
    welcome();
    await net.settle();
    expect(net.last("hello")["resume"]).toEqual([]);
    expect(net.last("open")["thread"]).toBe("late");
  });

  test("a thread opened before there is a connection goes into the hello, without epoch and seq", async () => {
    void client.open("kept");
    client.connect();
    await net.settle();
    net.open();
    await net.settle();
    welcome();
    await net.settle();
    expect(net.last("hello")["resume"]).toEqual([{ thread: "kept" }]);
    expect(net.sent.some((frame) => frame["type"] === "open")).toBe(false);
    net.say({ type: "error", thread: "kept", code: "not_found", message: "gone" });
    expect(client.threads.value["kept"]?.missing).toBe(true);
  });

  test("a watched feed is watched again after a reconnect, and diffs change its rows", async () => {
    await online();
    client.watch("sessions");
    await net.settle();
    net.say({ type: "feed.snapshot", feed: "sessions", rows: [{ session: "a", lag: 1 }, { session: "b", lag: 1 }] });
    net.say({ type: "feed.diff", feed: "sessions", add: [{ session: "c" }], update: [{ session: "a", lag: 5 }], remove: ["b"] });
    expect(client.sessions.value).toEqual({ a: { session: "a", lag: 5 }, c: { session: "c" } });
    net.drop(4300);
    net.runTimers();
    await net.settle();
    net.open();
    await net.settle();
    welcome();
    await net.settle();
    expect(net.sent.filter((frame) => frame["type"] === "watch")).toHaveLength(2);
  });

  test("signing out closes the socket and forgets everything", async () => {
    await online();
    const opened = client.open("t");
    client.disconnect();
    await expect(opened).rejects.toMatchObject({ code: "offline" });
    expect(client.threads.value).toEqual({});
    expect(client.status.value).toMatchObject({ phase: "idle", user: null });
    net.runTimers();
    await net.settle();
    expect(net.protocols).toHaveLength(1);
  });
});

describe("staying alive", () => {
  test("an end is checked against length and hash, and a wrong one asks for a snapshot once", async () => {
    await online();
    void client.send({ thread: null, messageId: "a", text: "why?" });
    await net.settle();
    const item = { id: "a1", type: "assistant_message", content: [{ type: "output_text", text: "ab" }] };
    const good = "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603";
    net.say(
      accepted(net.last("send")["id"]),
      { type: "turn", thread: "t", seq: 1, turn: "u1", attempt: 1, status: "running" },
      { type: "delta", thread: "t", seq: 2, turn: "u1", attempt: 1, text: "ab" },
      { type: "end", thread: "t", seq: 3, turn: "u1", attempt: 1, status: "done", item, length: 2, sha256: good },
      { type: "turn", thread: "t", seq: 4, turn: "u2", attempt: 1, status: "running" },
      { type: "end", thread: "t", seq: 5, turn: "u2", attempt: 1, status: "done", item: { ...item, id: "a2" }, length: 2, sha256: good },
    );
    await net.settle();
    const ended = client.threads.value["t"]?.ended;
    expect(ended?.["u1"]?.verified).toBe("true");
    expect(ended?.["u2"]?.verified).toBe("false");
    expect(net.sent.filter((frame) => frame["type"] === "open")).toHaveLength(1);
  });

  test("a token about to expire is renewed in band", async () => {
    await online();
    net.say({ type: "auth", expires: "2026-11-23T12:00:00Z" });
    await net.settle();
    expect(net.last("auth")["token"]).toBe("token-1");
  });

  test("silence is answered by a heartbeat, then by a new connection", async () => {
    await online();
    net.runTimers(25_000);
    await net.settle();
    expect(net.last("heartbeat")).toBeTruthy();
    net.runTimers(35_000);
    net.runTimers();
    await net.settle();
    expect(net.protocols).toHaveLength(2);
  });

  test("acks are cumulative and come at most once a second", async () => {
    await online();
    void client.send({ thread: null, messageId: "a", text: "why?" });
    await net.settle();
    net.say(accepted(net.last("send")["id"]), { type: "message", thread: "t", seq: 1, item: { id: "m1", type: "user_message" } });
    net.say({ type: "turn", thread: "t", seq: 2, turn: "u1", attempt: 1, status: "running" });
    net.runTimers(1_000);
    await net.settle();
    expect(net.sent.filter((frame) => frame["type"] === "ack")).toEqual([{ type: "ack", seqs: { t: 2 } }]);
  });
});
