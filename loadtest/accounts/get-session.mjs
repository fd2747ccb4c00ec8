// get-session, the call that every page makes again and again: answers per second of the server's
// processor time, of several servers in turns, so that a busy machine is busy for all of them.
//
//   node get-session.mjs --target NAME=URL,PID,ACCOUNTS… [--postgres PID] [--seconds 20] [--rounds 3]
//
// The first target is compared with each of the others. Each answer must be 200 and name the person
// of its cookie.
import { once } from "node:events";
import { connect } from "node:net";
import { parseArgs } from "node:util";
import { Meter, accountsOf, connection, cookieOf, report, rounded } from "./lib.mjs";

const { values: options } = parseArgs({
  options: {
    target: { type: "string", multiple: true, default: [] },
    postgres: { type: "string" },
    seconds: { type: "string", default: "20" },
    rounds: { type: "string", default: "3" },
    connections: { type: "string", default: "32" },
    // "NAME>=RATIO": what the first must reach beside that one.
    expect: { type: "string", multiple: true, default: [] },
  },
});
const rounds = Number(options.rounds);
const milliseconds = (Number(options.seconds) / rounds) * 1_000;

/** A connection that asks again as soon as it was answered. Raw, so that the asking costs little. */
class Asker {
  #url;
  #socket;
  #request;
  #email;
  #text = "";
  #until = 0;
  #idle = null;
  #counts;

  constructor(url, cookie, email, counts) {
    this.#url = new URL(url);
    const lines = ["GET /api/auth/get-session HTTP/1.1", `host: ${this.#url.host}`, `cookie: ${cookie}`, "sec-fetch-site: same-origin", "sec-fetch-mode: cors", "user-agent: bench", "", ""];
    this.#request = Buffer.from(lines.join("\r\n"));
    this.#email = email;
    this.#counts = counts;
  }

  /** On a connection of its own: servers close those that wait too long for another round. */
  async open() {
    this.#socket = connect(Number(this.#url.port), this.#url.hostname);
    this.#socket.setNoDelay(true);
    this.#socket.setEncoding("latin1");
    this.#socket.on("data", (piece) => this.#heard(piece));
    this.#socket.once("close", () => this.#ended("closed"));
    await once(this.#socket, "connect");
    this.#socket.once("error", (error) => this.#ended(error.code));
  }

  run(until) {
    this.#until = until;
    return new Promise((idle) => {
      this.#idle = idle;
      this.#socket.write(this.#request);
    });
  }

  close() {
    this.#idle = null;
    this.#socket.destroy();
  }

  #heard(piece) {
    this.#text += piece;
    const body = this.#text.indexOf("\r\n\r\n") + 4;
    if (body < 4) return;
    const length = /\r\ncontent-length: (\d+)/i.exec(this.#text.slice(0, body));
    const whole = length ? this.#text.length >= body + Number(length[1]) : this.#text.endsWith("\r\n0\r\n\r\n");
    if (!whole) return;
    const right = this.#text.startsWith("HTTP/1.1 200") && this.#text.includes(this.#email, body);
    this.#counts[right ? "answers" : "wrong"] += 1;
    this.#text = "";
    if (performance.now() < this.#until) this.#socket.write(this.#request);
    else this.#idle?.();
  }

  #ended(why) {
    if (!this.#idle) return;
    this.#counts.lost[why] = (this.#counts.lost[why] ?? 0) + 1;
    this.#idle();
  }
}

class Target {
  #meter;
  #askers = [];
  counts = { answers: 0, wrong: 0, lost: {} };
  cpu = 0;
  postgres = 0;
  wall = 0;
  asking = 0;

  constructor(spec) {
    const at = spec.indexOf("=");
    [this.name, [this.url, this.pid, this.accounts]] = [spec.slice(0, at), spec.slice(at + 1).split(",")];
    this.#meter = new Meter(this.pid);
  }

  async open() {
    const agent = connection();
    const accounts = accountsOf(this.accounts).slice(0, Number(options.connections));
    const people = [];
    for (const account of accounts) people.push({ email: account.email, cookie: await cookieOf(agent, this.url, account) });
    agent.destroy();
    for (let n = 0; n < Number(options.connections); n += 1) {
      const { cookie, email } = people[n % people.length];
      this.#askers.push(new Asker(this.url, cookie, email, this.counts));
    }
    // Caches filled, code compiled: what is measured is how it runs all day.
    await this.#run(Math.min(3_000, milliseconds), () => undefined);
    this.counts.answers = 0;
  }

  /** Asks for so long; what measures is told when it begins. */
  async #run(ms, begun) {
    await Promise.all(this.#askers.map((asker) => asker.open()));
    begun();
    const until = performance.now() + ms;
    await Promise.all(this.#askers.map((asker) => asker.run(until)));
    for (const asker of this.#askers) asker.close();
  }

  async round(postgres) {
    let start = 0;
    let own;
    await this.#run(milliseconds, () => {
      [start, own] = [performance.now(), process.cpuUsage()];
      this.#meter.start();
      postgres?.start();
    });
    this.cpu += this.#meter.stop();
    this.postgres += postgres?.stop() ?? 0;
    this.wall += (performance.now() - start) / 1_000;
    const { user, system } = process.cpuUsage(own);
    this.asking += (user + system) / 1e6;
  }

  figures() {
    const { answers, wrong, lost } = this.counts;
    return {
      answers, wrong, lost,
      per_cpu_s: rounded(answers / this.cpu, 0),
      cpu_us: rounded((this.cpu / answers) * 1e6),
      postgres_us: rounded((this.postgres / answers) * 1e6),
      // Of one core: what the server had to do, and what asking cost.
      server_load: rounded(this.cpu / this.wall, 2),
      asking_load: rounded(this.asking / this.wall, 2),
      per_wall_s: rounded(answers / this.wall, 0),
    };
  }
}

const targets = options.target.map((spec) => new Target(spec));
const postgres = options.postgres ? new Meter(options.postgres, { family: true }) : null;
for (const target of targets) await target.open();
for (let round = 0; round < rounds; round += 1) {
  for (const target of targets) await target.round(postgres);
}

const figures = Object.fromEntries(targets.map((target) => [target.name, target.figures()]));
const [first, ...others] = targets;
const cost = ({ cpu, postgres, counts }, withPostgres) => (cpu + (withPostgres ? postgres : 0)) / counts.answers;
const ratios = Object.fromEntries(others.map((other) => [other.name, {
  server: rounded(cost(other, false) / cost(first, false)),
  with_postgres: rounded(cost(other, true) / cost(first, true)),
}]));

const failures = targets.flatMap(({ name, counts }) => {
  const lost = Object.values(counts.lost).reduce((sum, count) => sum + count, 0);
  return counts.wrong + lost > 0 || counts.answers === 0 ? [`${name}: ${counts.answers} right, ${counts.wrong} wrong, ${lost} lost`] : [];
});
for (const rule of options.expect) {
  const [name, ratio] = rule.split(">=");
  const got = ratios[name]?.server ?? 0;
  if (!(got >= Number(ratio))) failures.push(`${got} times ${name}, not ${ratio}`);
}
report("get-session", failures, { connections: Number(options.connections), first: first?.name, targets: figures, ratios });
