// Whether the time of an answer tells which addresses have an account: wrong passwords for accounts
// that exist and for addresses that do not, one at a time, in pairs of random order.
//
//   node sign-in-timing.mjs --url URL --accounts FILE [--users 60] [--tries 4] [--within 5]
//
// An account is locked after five failures: at most four tries, so that each costs a hash.
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { accountsOf, connection, percentile, report, rounded, signIn, spread } from "./lib.mjs";

const { values: options } = parseArgs({
  options: {
    url: { type: "string" },
    accounts: { type: "string" },
    users: { type: "string", default: "60" },
    tries: { type: "string", default: "4" },
    within: { type: "string", default: "5" },
  },
});
const agent = connection();
const known = accountsOf(options.accounts).slice(0, Number(options.users)).map(({ email }) => email);
const domain = known[0].split("@")[1];
// As long as the others, of the same domain.
const unknown = known.map((email) => `${randomBytes(16).toString("hex").slice(0, email.indexOf("@"))}@${domain}`);

const times = { known: [], unknown: [] };
const answers = new Set();
const failures = [];

async function time(kind, email) {
  const { status, text, took } = await signIn(agent, options.url, { email, password: `Wrong-${randomBytes(6).toString("hex")}-1A` });
  if (status !== 401) failures.push(`${kind}: answered ${status} ${text}`);
  answers.add(`${status} ${text}`);
  times[kind].push(took);
}

// Not counted: the first ones, on addresses that nobody has.
for (let n = 0; n < 5; n += 1) await signIn(agent, options.url, { email: `warm${n}@${domain}`, password: "Wrong-password-1" });
for (let round = 0; round < Number(options.tries); round += 1) {
  for (const [n, email] of known.entries()) {
    const pair = [["known", email], ["unknown", unknown[n]]];
    if (Math.random() < 0.5) pair.reverse();
    for (const [kind, address] of pair) await time(kind, address);
  }
}
agent.destroy();

const medians = [percentile(times.known, 0.5), percentile(times.unknown, 0.5)];
const apart = rounded((Math.max(...medians) / Math.min(...medians) - 1) * 100, 2);
if (apart > Number(options.within)) failures.push(`the medians are ${apart} % apart, more than ${options.within}`);
if (answers.size > 1) failures.push(`the answers differ: ${[...answers].join(" | ")}`);
report("sign-in-timing", failures.slice(0, 10), {
  accounts: known.length, known: spread(times.known), unknown: spread(times.unknown), medians_apart_percent: apart,
});
