import { beforeEach, describe, expect, test } from "vitest";
import { LiveClient } from "../src/live/client";
import { FakeNet } from "./fake-net";
import { asked, running, welcome } from "./frames";

let net: FakeNet;
let client: LiveClient;

beforeEach(async () => {
  net = new FakeNet();
  client = new LiveClient(net.around);
  client.connect();
  await net.settle();
  net.open();
  await net.settle();
  net.say(welcome(net.last("hello")["id"]));
  await net.settle();
});

const sent = (type: string) => net.sent.filter((frame) => frame["type"] === type);

async function inThread(): Promise<void> {
  void client.send({ thread: null, messageId: "a", text: "why?" });
  await net.settle();
  net.say({ type: "ok", id: net.last("send")["id"], thread: "t", epoch: "e", item: "m1", turn: "u", seq: 1, duplicate: false });
  net.say(asked(1));
}

describe("signs of life", () => {
  test("silence is answered by a heartbeat, then by a new connection", async () => {
    net.runTimers(25_000);
    await net.settle();
    expect(sent("heartbeat")).toHaveLength(1);
    net.runTimers(35_000);
    net.runTimers();
    await net.settle();
    expect(net.protocols).toHaveLength(2);
  });

  test("an upgrade that hangs is given up like a silent connection", async () => {
    net.drop(4300);
    net.runTimers();
    await net.settle();
    expect(net.protocols).toHaveLength(2);
    net.runTimers(35_000);
    net.runTimers();
    await net.settle();
    expect(net.protocols).toHaveLength(3);
  });

  test("a heartbeat is answered by one", async () => {
    net.say({ type: "heartbeat" });
    await net.settle();
    expect(sent("heartbeat")).toHaveLength(1);
  });

  test("two sides do not answer each other's answers", async () => {
    net.runTimers(25_000);
    await net.settle();
    net.time += 40;
    net.say({ type: "heartbeat" });
    await net.settle();
    expect(sent("heartbeat")).toHaveLength(1);
    net.time += 5_000;
    net.say({ type: "heartbeat" });
    await net.settle();
    expect(sent("heartbeat")).toHaveLength(2);
  });
});

describe("acks", () => {
  test("they are cumulative and come at most once a second", async () => {
    await inThread();
    net.say(running(2));
    net.runTimers(1_000);
    await net.settle();
    expect(sent("ack")).toEqual([{ type: "ack", seqs: { t: 2 } }]);
    net.say({ type: "presence", user: "u", sessions: 1 });
    net.runTimers(1_000);
    await net.settle();
    expect(sent("ack")).toHaveLength(1);
  });

  test("a heartbeat carries what was not acknowledged yet", async () => {
    await inThread();
    net.say({ type: "heartbeat" });
    await net.settle();
    expect(net.last("heartbeat")).toEqual({ type: "heartbeat", seqs: { t: 1 } });
    net.runTimers(1_000);
    await net.settle();
    expect(sent("ack")).toHaveLength(0);
  });
});

describe("what is told in passing", () => {
  test("a changed role and stages apply at once", () => {
    net.say({ type: "you", role: "instructor", stages: { agree: 5 } });
    expect(client.status.value.user).toMatchObject({ name: "Ada", role: "instructor", stages: { agree: 5 } });
  });

  test("notices pile up until each is dismissed", () => {
    net.say({ type: "notice", text: "Back in five minutes.", at: "2026-11-22T14:00:00Z" }, { type: "notice", text: "Back.", at: "2026-11-22T14:05:00Z" });
    const [first] = client.status.value.notices;
    expect(client.status.value.notices.map((notice) => notice.text)).toEqual(["Back in five minutes.", "Back."]);
    client.dismiss(first?.key ?? 0);
    expect(client.status.value.notices.map((notice) => notice.text)).toEqual(["Back."]);
  });

  test("how many windows are open is known", () => {
    net.say({ type: "presence", user: "u", sessions: 3 });
    expect(client.status.value.windows).toBe(3);
  });
});

describe("typing", () => {
  const typing = (on: boolean) => ({ type: "typing", thread: "t", user: "x", name: "Grace", on });

  test("somebody's sign holds for six seconds, or until it is taken back", () => {
    net.say(typing(true));
    expect(client.typists.value["t"]).toEqual({ x: "Grace" });
    net.say(typing(false));
    expect(client.typists.value["t"]).toEqual({});
    net.say(typing(true));
    net.runTimers(6_000);
    expect(client.typists.value["t"]).toEqual({});
  });

  test("a sign of ours goes out at most every two seconds", async () => {
    client.typing("t", true);
    net.time += 1_900;
    client.typing("t", true);
    await net.settle();
    expect(sent("typing")).toEqual([{ type: "typing", thread: "t", on: true }]);
    net.time += 100;
    client.typing("t", true);
    await net.settle();
    expect(sent("typing")).toHaveLength(2);
  });

  test("the end of it waits for its time, and is not said without a beginning", async () => {
    client.typing("t", false);
    client.typing("t", true);
    net.time += 500;
    client.typing("t", false);
    await net.settle();
    expect(sent("typing")).toHaveLength(1);
    net.time += 1_500;
    net.runTimers(1_500);
    await net.settle();
    expect(sent("typing").at(-1)).toEqual({ type: "typing", thread: "t", on: false });
  });
});
