// The table at the end of measure.sh: reads what each run of `intellistack load --json` printed.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const dir = process.argv[2];

const kib = (value) => `${(value / 1024).toFixed(1)} MiB`;
const list = (counts) =>
  Object.entries(counts).map(([kind, count]) => `${kind} ${count}`).join(", ") || "none";
const promises = (run) => [
  "broken promises",
  `${run.order_errors} out of order, ${run.sha_errors} wrong texts, ${run.missing_ends} without an end`,
];
const answers = (run) => ["answers", `${list(run.ends)} of ${run.questions} asked; ${run.tokens} tokens`];
const errors = (run) => ["other errors", list(run.errors.kinds)];
const server = ({ server }) =>
  server
    ? [["server", `${server.cpu_s.toFixed(1)} s of processor time in ${server.wall_s.toFixed(0)} s, ${kib(server.rss_kib.peak)} at most`]]
    : [];

const beside = ({ also }) =>
  Object.entries(also ?? {}).map(([name, it]) => [name, `${it.cpu_us_per_token} us of its processor time a token`]);
const reading = ({ readers }) =>
  readers?.ends && Object.keys(readers.ends).length
    ? [["readers beside", `${list(readers.ends)}; ${readers.order_errors} out of order, ${readers.sha_errors} wrong texts, ${readers.missing_ends} without an end; gaps p99 ${readers.gap_ms.p99} ms`]]
    : [];

const spread = (it) => (it ? `p50 ${it.p50} ms, p99 ${it.p99} ms, at most ${it.max} ms (${it.count})` : "none");

const rows = {
  chat: (run) => [
    answers(run),
    promises(run),
    errors(run),
    ["first words", `p50 ${run.first_delta_ms.p50} ms, p99 ${run.first_delta_ms.p99} ms`],
    ["between pieces", `p99 ${run.gap_ms.p99} ms`],
    ...(run.server ? [["a token", `${run.server.cpu_us_per_token} us of the server's processor time`]] : []),
    ...beside(run),
    ...reading(run),
    ...(run.losses
      ? [
          ["lost", `${run.losses} connections, ${run.refused_connects} connects in vain`],
          ["loss to words", `p50 ${run.back_ms.p50} ms, p99 ${run.back_ms.p99} ms`],
          ["resumed", list(Object.fromEntries(Object.entries(run.resumes).map(([mode, times]) => [mode, times.count])))],
        ]
      : []),
    ...server(run),
  ],
  idle: (run) => [
    answers(run),
    errors(run),
    ...["before", "connected", "held", "answered", "left"].flatMap((when) =>
      run.rss?.[when] ? [[when, `${kib(run.rss[when].rss_kib)}, ${run.rss[when].kib_per_session} KiB a session`]] : []),
    ["idle work", `${run.held_cpu_s?.toFixed(2)} s of processor time while held`],
  ],
  slow: (run) => [
    answers(run),
    promises(run),
    ["gaps without", `p99 ${run.gap_alone_ms.p99} ms`],
    ["gaps beside", `p99 ${run.gap_beside_ms.p99} ms`],
    ["slow readers", `${list(run.slow.ends)} of ${run.users.slow}; closed with ${list(run.slow.closes)}; ${run.slow.tokens} tokens read`],
    ["their answers", `${run.slow.order_errors} out of order, ${run.slow.sha_errors} wrong, ${run.slow.missing_ends} without an end`],
    ...server(run),
  ],
  fuzz: (run) => [
    ["malformed", `${run.sent.total} frames in ${run.seconds.toFixed(0)} s`],
    ["closed with", list(run.fuzz_closes)],
    ["answered", list(run.fuzz_errors)],
    ["honest learner", `${list(run.ends)} of ${run.questions} asked, errors: ${list(run.errors.kinds)}`],
    ...server(run),
  ],
  "get-session": (run) => [
    ...Object.entries(run.targets).map(([name, it]) => [
      name,
      `${it.per_cpu_s} a second of its processor time (${it.cpu_us} us each; PostgreSQL ${it.postgres_us} us beside); ${it.answers} right, ${it.wrong} wrong`,
    ]),
    ...Object.entries(run.ratios).map(([name, it]) => [
      `beside ${name}`,
      `${it.server} times as many on ${run.first}, ${it.with_postgres} with PostgreSQL's time counted in`,
    ]),
  ],
  oidc: (run) => [
    ...Object.keys(run.targets[run.first]).map((kind) => [
      kind,
      `${Object.entries(run.targets)
        .map(([name, kinds]) => `${name} ${kinds[kind].per_cpu_s} a second of its processor time (${kinds[kind].cpu_us} us each)`)
        .join(", ")}${Object.entries(run.ratios).map(([name, kinds]) => `: ${kinds[kind]} times ${name}`).join("")}`,
    ]),
    ["RSA alone", `${run.rsa_signatures_per_cpu_s} signatures a second of processor time; a refresh and a code are two each`],
    ["healthz alone", `${run.targets[run.first].healthz.per_cpu_s}, the least that a request costs ${run.first}`],
  ],
  "sign-in-timing": (run) => [
    ["known", spread(run.known)],
    ["unknown", spread(run.unknown)],
    ["medians", `${run.medians_apart_percent} % apart, ${run.accounts} accounts`],
  ],
  "sign-in-storm": (run) => [
    ["sign-ins", `${run.users} at once, in in ${run.wall_s} s (${run.cpu_s} s of processor time); answers: ${list(run.answers)}`],
    ["each", spread(run.sign_in_ms)],
    ...["healthz", "ping", "request"].flatMap((kind) => ["before", "during", "after"].map((when) => [`${kind} ${when}`, spread(run[kind][when])])),
  ],
};

for (const file of readdirSync(dir).filter((name) => /^\d.*\.json$/.test(name)).sort((a, b) => Number.parseInt(a) - Number.parseInt(b) || a.localeCompare(b))) {
  const text = readFileSync(join(dir, file), "utf8");
  const name = file.replace(".json", "");
  if (!text.trim()) {
    console.log(`\n${name}: the run told nothing; what it said is above\n`);
    continue;
  }
  const run = JSON.parse(text);
  console.log(`\n${name}: ${run.passed ? "passed" : `FAILED (${run.failures.join("; ")})`}`);
  for (const [figure, value] of rows[run.mode](run)) {
    console.log(`  ${figure.padEnd(16)} ${value}`);
  }
}
