// Asks /healthz, pings a live socket, and asks on it to cancel a turn that is not there (which looks
// into the database), until it is told the end; each next one when the last was answered. Tells the
// times of the answers. A process of its own, so that nothing else that
// measures holds it up.
//
//   node probe.mjs URL COOKIE
import { once } from "node:events";
import { createRequire } from "node:module";
import { ask, connection, sleep } from "./lib.mjs";

const { WebSocket } = createRequire(new URL("../../web/package.json", import.meta.url))("ws");
const [url, cookie] = process.argv.slice(2);
const origin = new URL(url).origin;
const agent = connection();
const PATIENCE_MS = 10_000;
let phase = "before";
let over = false;
const times = { healthz: {}, ping: {}, request: {} };
const problems = [];

const note = (kind, took) => (times[kind][phase] ??= []).push(took);

async function healthz() {
  while (!over) {
    const asked = phase;
    const { status, took } = await ask(agent, `${url}/healthz`);
    if (status !== 200) problems.push(`healthz answered ${status}`);
    if (asked === phase) note("healthz", took);
    await sleep(5);
  }
}

/** A live socket that said hello, and a way to ask on it: the time until the answer with the same id. */
async function live() {
  const way = connection();
  const ticket = await ask(way, `${url}/api/v1/live/ticket`, { method: "POST", headers: { cookie, origin }, body: {} });
  way.destroy();
  if (ticket.status !== 200) throw new Error(`the ticket: ${ticket.status} ${ticket.text}`);
  const protocols = ["tutor.v1.json", `tutor.ticket.${JSON.parse(ticket.text).ticket}`];
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/api/v1/live`, protocols, { origin });
  const waiting = new Map();
  socket.on("message", (data) => {
    for (const frame of String(data).split("\n").map((line) => JSON.parse(line))) waiting.get(frame.id)?.(frame);
  });
  socket.on("close", (code) => over || problems.push(`the socket closed with ${code}`));
  await new Promise((open, failed) => socket.once("open", open).once("error", failed));
  let id = 0;
  const request = async (frame, type) => {
    const [number, start] = [(id += 1), performance.now()];
    const answer = await new Promise((come, failed) => {
      const late = setTimeout(() => failed(new Error(`${frame.type} had no answer in ${PATIENCE_MS} ms`)), PATIENCE_MS);
      waiting.set(number, (found) => {
        clearTimeout(late);
        come(found);
      });
      socket.send(JSON.stringify({ ...frame, id: number }));
    });
    waiting.delete(number);
    if (answer.type !== type) problems.push(`${frame.type} answered ${JSON.stringify(answer)}`);
    return performance.now() - start;
  };
  await request({ type: "hello", client: "probe" }, "welcome");
  return { socket, request };
}

async function requests({ request }) {
  while (!over) {
    const asked = phase;
    const took = await request({ type: "cancel", turn: "trn_none" }, "error");
    if (asked === phase) note("request", took);
    // At most 20 frames a second are taken.
    await sleep(60);
  }
}

async function pings({ socket }) {
  while (!over) {
    const [asked, start] = [phase, performance.now()];
    socket.ping();
    await once(socket, "pong", { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (asked === phase) note("ping", performance.now() - start);
    await sleep(20);
  }
}

const line = await live();
process.stdout.write("ready\n");
const probes = Promise.all([healthz(), pings(line), requests(line)]).catch((error) => problems.push(error.message));
for await (const word of process.stdin) {
  phase = String(word).trim();
  if (phase === "end") break;
}
over = true;
await probes;
line.socket.close();
agent.destroy();
process.stdout.write(`${JSON.stringify({ times, problems })}\n`);
process.exit(0);
