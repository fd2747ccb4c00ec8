import { beforeEach, describe, expect, test } from "vitest";
import { LiveClient } from "../src/live/client";
import { Refused } from "../src/live/refused";
import { FakeNet } from "./fake-net";
import { until } from "./until";
import { answer, asked, delta, end, running, welcome } from "./frames";

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
  net.say(welcome(net.last("hello")["id"]));
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
    net.say(accepted(net.last("send")["id"]), asked(1, { epoch: "e" }));
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
    net.drop(4003, "Read the rules first.");
    net.runTimers();
    await net.settle();
    expect(client.status.value.phase).toBe("stopped");
    expect(client.status.value.reason).toBe("An operator closed this connection. The reason given: Read the rules first.");
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
    net.say(welcome(net.last("hello")["id"]));
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

  test("edit, regenerate, hint and feedback are asked again under the same name", async () => {
    await online();
    const all = [client.edit("m1", "how?"), client.regenerate("a1"), client.hint("u1"), client.feedback("a1", "negative", "too long")];
    await net.settle();
    const kinds = ["edit", "regenerate", "hint", "feedback"];
    const first = kinds.map((kind) => net.last(kind));
    expect(first[0]).toMatchObject({ item: "m1", text: "how?" });
    expect(first[3]).toMatchObject({ item: "a1", kind: "negative", reason: "too long" });
    net.drop(4300);
    net.runTimers();
    await net.settle();
    net.open();
    await net.settle();
    net.say(welcome(net.last("hello")["id"]));
    await net.settle();
    for (const [index, kind] of kinds.entries()) {
      const { id: _, ...again } = net.last(kind);
      const { id: __, ...once } = first[index] ?? {};
      expect(again).toEqual(once);
      if (kind !== "feedback") expect(String(again["message_id"])).toHaveLength(32);
      net.say(accepted(net.last(kind)["id"]));
    }
    expect(await Promise.all(all)).toHaveLength(4);
    expect(new Set(first.slice(0, 3).map((frame) => frame["message_id"])).size).toBe(3);
  });

  test("an action of staff is asked once: a lost connection ends it", async () => {
    await online();
    const kicked = client.act({ type: "kick", session: "s_9", reason: "enough" });
    await net.settle();
    net.drop(4300);
    await expect(kicked).rejects.toMatchObject({ code: "offline" });
    net.runTimers();
    await net.settle();
    net.open();
    await net.settle();
    net.say(welcome(net.last("hello")["id"]));
    await net.settle();
    expect(net.sent.filter((frame) => frame["type"] === "kick")).toHaveLength(1);
    const again = client.act({ type: "kick", session: "s_9" });
    await net.settle();
    net.say({ type: "ok", id: net.last("kick")["id"], audit: "aud_1" });
    expect((await again).audit).toBe("aud_1");
  });

  test("a hole in the log asks for a snapshot of that thread", async () => {
    await online();
    void client.send({ thread: null, messageId: "a", text: "why?" });
    await net.settle();
    net.say(accepted(net.last("send")["id"]), running(3));
    await net.settle();
    expect(net.last("open")["thread"]).toBe("t");
    expect(client.threads.value["t"]?.sync).toBe("gap");
  });
});

describe("threads", () => {
  test("a thread opened while hello is under way is asked for after the welcome", async () => {
    client.connect();
    await net.settle();
    net.open();
    await net.settle();
    void client.open("late");
    net.say(welcome(net.last("hello")["id"]));
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
    net.say(welcome(net.last("hello")["id"]));
    await net.settle();
    expect(net.last("hello")["resume"]).toEqual([{ thread: "kept" }]);
    expect(net.sent.some((frame) => frame["type"] === "open")).toBe(false);
    net.say({ type: "error", thread: "kept", code: "not_found", message: "gone" });
    expect(client.threads.value["kept"]?.missing).toBe(true);
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

describe("proof and renewal", () => {
  test("an end is checked against length and hash, and a wrong one asks for a snapshot once", async () => {
    await online();
    void client.send({ thread: null, messageId: "a", text: "why?" });
    await net.settle();
    const sha256 = "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603";
    net.say(
      accepted(net.last("send")["id"]),
      running(1), delta(2, 2, "ab"), end(3, { sha256 }),
      running(4, { turn: "v" }), end(5, { turn: "v", item: answer("a2", "ab"), sha256 }),
    );
    const proven = await until(client.threads, ({ t }) => t?.ended["u"]?.verified !== "pending" && t?.ended["v"]?.verified !== "pending" && t?.ended, "the proofs");
    expect(proven["u"]?.verified).toBe("true");
    expect(proven["v"]?.verified).toBe("false");
    await net.settle();
    expect(net.sent.filter((frame) => frame["type"] === "open")).toHaveLength(1);
  });

  test("a token about to expire is renewed in band", async () => {
    await online();
    net.say({ type: "auth", expires: "2026-11-23T12:00:00Z" });
    await net.settle();
    expect(net.last("auth")["token"]).toBe("token-1");
  });
});
