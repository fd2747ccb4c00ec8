// Signing in and out, over and over: each user signs in, looks at the session, gets an access token
// and a ticket, signs out, and then the session's token must open nothing any more.
//
//   make load SCRIPT=login USERS=20 LOGINS=5
//   k6 run -e URL=http://127.0.0.1:8080 -e ACCOUNTS=accounts.json loadtest/login.js

import { check } from "k6";
import exec from "k6/execution";
import { Counter, Trend } from "k6/metrics";
import { SharedArray } from "k6/data";

import { asked, signIn } from "./lib/door.js";
import { TRENDS, figures, summary } from "./lib/summary.js";

const URL = __ENV.URL || "http://127.0.0.1:8080";
const USERS = Number(__ENV.USERS || 10);
const LOGINS = Number(__ENV.LOGINS || 5);
// Sign-ins a second that the server must manage at least. Each costs it a password hash.
const MIN_RATE = Number(__ENV.MIN_RATE || 2);
// The other requests are cheap: 95 of 100 within so many milliseconds.
const MAX_MS = Number(__ENV.MAX_MS || 500);

const accounts = new SharedArray("accounts", () => JSON.parse(open(__ENV.ACCOUNTS)));

const errors = new Counter("login_errors");
const rounds = new Counter("login_rounds");
const STEPS = ["sign_in", "get_session", "token", "ticket", "sign_out"];
const times = Object.fromEntries(STEPS.map((step) => [step, new Trend(`login_${step}`, true)]));

export const options = {
  scenarios: {
    people: {
      executor: "per-vu-iterations",
      vus: USERS,
      iterations: LOGINS,
      maxDuration: "10m",
    },
  },
  thresholds: {
    login_errors: ["count==0"],
    login_rounds: [`count==${USERS * LOGINS}`, `rate>=${MIN_RATE}`],
    login_get_session: [`p(95)<${MAX_MS}`],
    login_token: [`p(95)<${MAX_MS}`],
    login_ticket: [`p(95)<${MAX_MS}`],
    login_sign_out: [`p(95)<${MAX_MS}`],
    checks: ["rate==1"],
  },
  summaryTrendStats: TRENDS,
};

/** Times an answer, and whether it is what it should be. */
function took(step, answer, right) {
  times[step].add(answer.timings.duration);
  const good = check(answer, { [step]: (it) => it.status === 200 && right(it) });
  if (!good) {
    errors.add(1);
    console.error(`user ${exec.vu.idInTest}: ${step} answered ${answer.status} ${answer.body}`);
  }
  return good;
}

export default function person() {
  const account = accounts[(exec.vu.idInTest - 1) % accounts.length];
  const signedIn = signIn(URL, account);
  if (!took("sign_in", signedIn, (it) => it.json("user.email") === account.email)) return;
  const session = signedIn.json("token");

  const seen = asked("GET", URL, "/api/auth/get-session", session);
  took("get_session", seen, (it) => it.json("user.email") === account.email);
  const token = asked("GET", URL, "/api/auth/token", session);
  took("token", token, (it) => it.json("token").split(".").length === 3);
  const ticket = asked("POST", URL, "/api/v1/live/ticket", session);
  took("ticket", ticket, (it) => /^[\w-]+$/.test(it.json("ticket")));
  const out = asked("POST", URL, "/api/auth/sign-out", session);
  took("sign_out", out, (it) => it.json("success") === true);

  const gone = asked("GET", URL, "/api/auth/get-session", session);
  const refused = asked("GET", URL, "/api/auth/token", session);
  const shut = check(gone, { "no session after it": (it) => it.status === 200 && it.json() === null })
    && check(refused, { "no token after it": (it) => it.status === 401 });
  if (!shut) {
    errors.add(1);
    console.error(`user ${exec.vu.idInTest}: the session lives after sign-out`);
  }
  rounds.add(1);
}

export function handleSummary(data) {
  const { value, trend } = figures(data);
  return summary(data, [
    ["users", `${USERS}, ${LOGINS} times each`],
    ["errors", value("login_errors", "count")],
    ["rounds", `${value("login_rounds", "count")}, ${value("login_rounds", "rate").toFixed(1)} a second`],
    ...STEPS.map((step) => [step.replace("_", " "), trend(`login_${step}`)]),
  ]);
}
