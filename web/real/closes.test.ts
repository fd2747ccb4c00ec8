// What the server closes with, and what the client does about it: the range of the code decides.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket as NodeSocket } from "ws";
import { LiveClient } from "../src/live/client";
import { Conversation } from "./conversation";
import { Person, readyFile } from "./person";
import { LossyProxy } from "./proxy";
import { SEED, seeded } from "./seed";
import { OwnServer } from "./server";
import { until } from "../test/until";
import { online, streaming } from "./wait";

const ready = readyFile(process.env["INTELLISTACK_READY"]);

interface Watched {
  client: LiveClient;
  person: Person;
  sockets: NodeSocket[];
  /** The codes of the closes so far. */
  codes: number[];
}

function watched(person: Person, stay: string | null = null): Watched {
  const around = person.around(seeded(SEED));
  const found: Watched = { client: new LiveClient(around, stay), person, sockets: [], codes: [] };
  around.onSocket = (socket) => {
    found.sockets.push(socket);
    socket.addEventListener("close", ({ code }) => found.codes.push(code));
  };
  return found;
}

/** The connection after the one that is there now. */
function next({ client }: Watched): Promise<string> {
  const { connection } = client.status.value;
  return until(client.status, (status) => status.phase === "online" && status.connection !== connection && status.connection, "another connection");
}

describe("by the range of the code", () => {
  test("4006: the stay goes on elsewhere, and this client stops", async () => {
    const here = watched(await Person.learner(ready.url));
    here.client.connect();
    await online(here.client);
    const there = watched(here.person, here.client.stay);
    there.client.connect();
    const reason = await until(here.client.status, ({ phase, reason }) => phase === "stopped" && reason, "the stop");
    expect(reason).toContain("another window");
    expect(here.codes).toEqual([4006]);
    await expect(here.client.send({ thread: null, text: "Anybody?" })).rejects.toMatchObject({ code: "offline" });
    there.client.disconnect();
  });

  test("4104: a ticket that was used is replaced by a new one, at once", async () => {
    const one = watched(await Person.learner(ready.url));
    const ticket = await one.person.ticket();
    one.person.nextTicket = ticket;
    one.client.connect();
    await online(one.client);
    const two = watched(one.person);
    one.person.nextTicket = ticket;
    two.client.connect();
    await online(two.client);
    expect(two.codes).toEqual([4104]);
    expect(one.person.timers).toContain(0);
    one.client.disconnect();
    two.client.disconnect();
  });

  test("4103: signed out elsewhere, so no ticket is to be had, and it says so", async () => {
    const here = watched(await Person.learner(ready.url));
    here.client.connect();
    await online(here.client);
    await here.person.signOut();
    expect(await until(here.client.status, ({ phase, reason }) => phase === "signed-out" && reason, "the sign-out")).toBe("You are signed out.");
    expect(here.codes).toEqual([4103]);
  });

  test("4201: a client that floods is sent away, and comes back after a random pause", async () => {
    const flood = watched(await Person.learner(ready.url));
    flood.client.connect();
    await online(flood.client);
    const again = next(flood);
    flood.person.timers.length = 0;
    flood.sockets[0]?.send(Array.from({ length: 200 }, () => '{"type":"heartbeat"}').join("\n"));
    await again;
    expect(flood.codes).toEqual([4201]);
    const window = flood.person.timers.filter((ms) => ms <= 1_000);
    expect(window.length).toBeGreaterThan(0);
    flood.client.disconnect();
  });
});

describe("a server that goes", () => {
  let server: OwnServer;
  beforeAll(async () => {
    server = await OwnServer.start();
  });
  afterAll(() => server.remove());

  async function talk(): Promise<{ conversation: Conversation; road: LossyProxy }> {
    const person = await Person.demo(server.ready, "instructor");
    const road = await LossyProxy.to(server.ready.url, { seed: SEED, lossy: 0 });
    return { conversation: new Conversation(person, road, await person.firstLesson(), seeded(SEED)), road };
  }

  test("killed in mid-answer: the next process finishes it, and the client resets to a new epoch", async () => {
    const { conversation, road } = await talk();
    const answer = conversation.ask("What is the main idea of this lesson?");
    await streaming(conversation.client, 20);
    const epoch = Object.values(conversation.client.threads.value)[0]?.epoch;
    await server.stop("SIGKILL");
    await server.again();
    conversation.client.retryNow();
    expect(await answer).toMatchObject({ status: "done", verified: "true" });
    expect(conversation.check()).toEqual([]);
    expect(conversation.history.addModes({})).toEqual({ reset: 1 });
    expect(Object.values(conversation.client.threads.value)[0]?.epoch).not.toBe(epoch);
    conversation.close();
    await road.close();
  });

  test("4300: a drain sends the client away with the answer whole, and it comes back to the next process", async () => {
    const { conversation, road } = await talk();
    const answer = conversation.ask("What is the main idea of this lesson?");
    await streaming(conversation.client, 20);
    const codes: number[] = [];
    conversation.history.onClose = (code) => codes.push(code);
    await server.stop("SIGTERM");
    await server.again();
    conversation.client.retryNow();
    expect(await answer).toMatchObject({ status: "done", verified: "true" });
    expect(conversation.check()).toEqual([]);
    expect(codes[0]).toBe(4300);
    conversation.close();
    await road.close();
  });

  test("4300: an admin drains the node from the dashboard; an instructor may not", async () => {
    const admin = watched(await Person.demo(server.ready, "admin"));
    const instructor = watched(await Person.demo(server.ready, "instructor"));
    for (const { client } of [admin, instructor]) client.connect();
    await online(instructor.client);
    await online(admin.client);
    admin.client.watch("nodes");
    const node = await until(admin.client.feeds, ({ nodes }) => [...(nodes?.rows?.values() ?? [])].find(({ alive }) => alive)?.node, "a node");
    const drain = { type: "drain_node", node } as const;
    await expect(instructor.client.act(drain)).rejects.toMatchObject({ code: "forbidden" });
    const sentAway = until(instructor.client.status, ({ phase }) => phase === "waiting", "the drain");
    expect((await admin.client.act(drain)).audit).toMatch(/^aud_/);
    await sentAway;
    expect(instructor.codes).toEqual([4300]);
    const [pause] = instructor.person.timers.slice(-1);
    expect(pause).toBeLessThanOrEqual(500);
    for (const { client } of [admin, instructor]) client.disconnect();
  });
});
