// Asks /healthz and sends heartbeats on a live socket until its input ends, each next one when the
// last was answered; tells the times of the answers. A process of its own, so that nothing else that
// measures holds it up.
//
//   node probe.mjs URL COOKIE
import { createRequire } from "node:module";
import { ask, connection, sleep } from "./lib.mjs";

const { WebSocket } = createRequire(new URL("../../web/package.json", import.meta.url))("ws");
const [url, cookie] = process.argv.slice(2);
const origin = new URL(url).origin;
const agent = connection();
const PATIENCE_MS = 10_000;
let phase = "before";
let over = false;
const times = { healthz: {}, socket: {} };
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

/** A live socket of its own, and a way to wait for its next heartbeat. */
async function live() {
  const ticket = await ask(connection(), `${url}/api/v1/live/ticket`, { method: "POST", headers: { cookie, origin }, body: {} });
  if (ticket.status !== 200) throw new Error(`the ticket: ${ticket.status} ${ticket.text}`);
  const protocols = ["tutor.v1.json", `tutor.ticket.${JSON.parse(ticket.text).ticket}`];
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/api/v1/live`, protocols, { origin });
  const waiting = new Map();
  socket.on("message", (data) => {
    for (const line of String(data).split("\n")) waiting.get(JSON.parse(line).type)?.();
  });
  socket.on("close", (code) => over || problems.push(`the socket closed with ${code}`));
  const next = (type) => new Promise((come, failed) => {
    const late = setTimeout(() => failed(new Error(`no ${type} in ${PATIENCE_MS} ms`)), PATIENCE_MS);
    waiting.set(type, () => {
      clearTimeout(late);
      waiting.delete(type);
      come();
    });
  });
  await new Promise((open, failed) => socket.once("open", open).once("error", failed));
  const welcome = next("welcome");
  socket.send(JSON.stringify({ type: "hello", id: 1, client: "probe" }));
  await welcome;
  return { socket, next };
}

async function heartbeats({ socket, next }) {
  while (!over) {
    const [asked, start] = [phase, performance.now()];
    const answer = next("heartbeat");
    socket.send('{"type":"heartbeat"}');
    await answer;
    if (asked === phase) note("socket", performance.now() - start);
    // At most 20 frames a second are taken.
    await sleep(60);
  }
}

const line = await live();
process.stdout.write("ready\n");
const probes = Promise.all([healthz(), heartbeats(line)]).catch((error) => problems.push(error.message));
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
