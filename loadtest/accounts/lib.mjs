// What the measurements of accounts share: processor time, percentiles, signing in, arguments.
import { readFileSync, readdirSync } from "node:fs";
import { Agent, request } from "node:http";

/** Processor time of a process so far, user and system, in seconds. */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
  // Linux counts in hundredths of a second; what stands here begins with the third field.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function childrenOf(pid) {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).filter((name) => {
    try {
      return readFileSync(`/proc/${name}/stat`, "utf8").replace(/^.*\) /s, "").split(" ")[1] === String(pid);
    } catch {
      return false;
    }
  });
}

/** Processor time since `start()`, of one process or, for PostgreSQL, with those it started. */
export class Meter {
  #pid;
  #family;
  #before = new Map();

  constructor(pid, { family = false } = {}) {
    this.#pid = pid;
    this.#family = family;
  }

  #read() {
    const all = new Map();
    for (const pid of [this.#pid, ...(this.#family ? childrenOf(this.#pid) : [])]) {
      try {
        all.set(String(pid), cpuOf(pid));
      } catch {
        // It ended meanwhile.
      }
    }
    return all;
  }

  start() {
    this.#before = this.#read();
  }

  /** Seconds. */
  stop() {
    let sum = 0;
    for (const [pid, seconds] of this.#read()) sum += seconds - (this.#before.get(pid) ?? 0);
    return sum;
  }
}

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const rounded = (value, digits = 1) => Number(value.toFixed(digits));

/** p50, p99 and the worst, in ms. */
export function spread(times) {
  return { count: times.length, p50: rounded(percentile(times, 0.5)), p99: rounded(percentile(times, 0.99)), max: rounded(percentile(times, 1)) };
}

/** Accounts by line or as a list, as `user create --json` and a ready file have them. */
export function accountsOf(file) {
  const text = readFileSync(file, "utf8").trim();
  const ready = text.startsWith("{") && !text.includes("\n") ? JSON.parse(text) : null;
  return ready?.accounts ?? text.split("\n").map((line) => JSON.parse(line));
}

/** One request; `took` is from the first byte written to the last one read, in ms. A body is JSON, or a form. */
export function ask(agent, url, { method = "GET", headers = {}, body = null } = {}) {
  const form = body instanceof URLSearchParams;
  const type = form ? "application/x-www-form-urlencoded" : "application/json";
  return new Promise((answered, failed) => {
    const start = performance.now();
    const asked = request(url, { agent, method, headers: body === null ? headers : { ...headers, "content-type": type } }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (piece) => (text += piece));
      answer.on("end", () => answered({ status: answer.statusCode, headers: answer.headers, text, took: performance.now() - start }));
    });
    asked.once("error", failed);
    asked.end(body === null ? undefined : form ? body.toString() : JSON.stringify(body));
  });
}

export const signIn = (agent, url, { email, password }) =>
  ask(agent, `${url}/api/auth/sign-in/email`, { method: "POST", body: { email, password } });

/** The cookie of a sign-in that must succeed, as a browser sends it back. */
export async function cookieOf(agent, url, account) {
  const answer = await signIn(agent, url, account);
  if (answer.status !== 200) throw new Error(`${account.email}: sign-in answered ${answer.status} ${answer.text}`);
  const cookies = answer.headers["set-cookie"] ?? [];
  return cookies.map((cookie) => cookie.split(";")[0]).filter((pair) => !pair.endsWith("=")).join("; ");
}

export const connection = () => new Agent({ keepAlive: true, maxSockets: 1 });
export const sleep = (ms) => new Promise((later) => setTimeout(later, ms));

/** Prints the result as `intellistack load --json` does, and says by the exit code whether it passed. */
export function report(mode, failures, figures) {
  console.log(JSON.stringify({ mode, passed: failures.length === 0, failures, ...figures }));
  process.exitCode = failures.length === 0 ? 0 : 1;
}
