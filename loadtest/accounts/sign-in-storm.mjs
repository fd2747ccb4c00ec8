// Many people sign in at the same moment: /healthz and the pings of a live socket must go on being
// answered meanwhile. How long a request on the socket takes that needs the database is told as well.
//
//   node sign-in-storm.mjs --url URL --accounts FILE --server-pid PID [--users 500] [--within 50]
//
// A sign-in may be put off (429 or 503, with Retry-After) when the queue for password hashes is full;
// it comes back then, as a client does, until it is let in. Any other answer is a failure.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { Meter, accountsOf, connection, cookieOf, report, rounded, signIn, sleep, spread } from "./lib.mjs";

const { values: options } = parseArgs({
  options: {
    url: { type: "string" },
    accounts: { type: "string" },
    "server-pid": { type: "string" },
    users: { type: "string", default: "500" },
    within: { type: "string", default: "50" },
  },
});
const { url } = options;
const [prober, ...people] = accountsOf(options.accounts).slice(0, Number(options.users) + 1);

const agent = connection();
const cookie = await cookieOf(agent, url, prober);
const probe = spawn(process.execPath, [new URL("probe.mjs", import.meta.url).pathname, url, cookie], { stdio: ["pipe", "pipe", "inherit"] });
const lines = createInterface({ input: probe.stdout })[Symbol.asyncIterator]();
if ((await lines.next()).value !== "ready") throw new Error("the probe did not start");
const phase = (name) => probe.stdin.write(`${name}\n`);

const answers = {};
const failures = [];
let without = 0;

async function person(account) {
  const line = connection();
  try {
    for (;;) {
      const { status, headers, text, took } = await signIn(line, url, account);
      answers[status] = (answers[status] ?? 0) + 1;
      if (status === 200) return took;
      if (status !== 429 && status !== 503) throw new Error(`sign-in answered ${status} ${text}`);
      const pause = Number(headers["retry-after"]);
      if (!(pause > 0)) without += 1;
      await sleep((pause || 1) * 1_000 * (0.5 + Math.random()));
    }
  } finally {
    line.destroy();
  }
}

await sleep(3_000);
const meter = new Meter(options["server-pid"]);
meter.start();
phase("during");
const start = performance.now();
const outcomes = await Promise.allSettled(people.map(person));
const wall = (performance.now() - start) / 1_000;
const cpu = meter.stop();
phase("after");
await sleep(500);
phase("end");
const { times, problems } = JSON.parse((await lines.next()).value);
agent.destroy();

const refused = outcomes.filter(({ status }) => status === "rejected").map(({ reason }) => reason.message);
failures.push(...refused.slice(0, 5), ...problems.slice(0, 5));
if (without > 0) failures.push(`${without} were put off without a Retry-After`);
const seen = {};
for (const [kind, phases] of Object.entries(times)) {
  seen[kind] = Object.fromEntries(Object.entries(phases).map(([name, took]) => [name, spread(took)]));
  const { during } = seen[kind];
  if (kind !== "request" && !(during?.p99 < Number(options.within))) failures.push(`${kind}: p99 of ${during?.p99} ms during the sign-ins, not under ${options.within}`);
}
report("sign-in-storm", failures, {
  users: people.length, answers, wall_s: rounded(wall), cpu_s: rounded(cpu),
  sign_in_ms: spread(outcomes.filter(({ status }) => status === "fulfilled").map(({ value }) => value)),
  ...seen,
});
