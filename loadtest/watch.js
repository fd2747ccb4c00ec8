// The live view under load: admins watch the feed "sessions" while learners come, move about and
// go. Each watcher checks that the diffs fit the rows that it has, and at the end, when all is
// quiet, that a fresh snapshot holds the same sessions.
//
//   make load SCRIPT=watch USERS=50 WATCHERS=5
//   k6 run -e URL=… -e ACCOUNTS=accounts.json -e ADMINS=admins.json loadtest/watch.js

import exec from "k6/execution";
import { Counter, Trend } from "k6/metrics";
import { SharedArray } from "k6/data";
import { WebSocket } from "k6/experimental/websockets";

import { accessToken, liveUrl, ticket } from "./lib/door.js";
import { Rows } from "./lib/rows.js";
import { TRENDS, figures, summary } from "./lib/summary.js";

const URL = __ENV.URL || "http://127.0.0.1:8080";
const USERS = Number(__ENV.USERS || 10);
const WATCHERS = Number(__ENV.WATCHERS || 3);
const LASTING_S = Number(__ENV.LASTING || 20);
const COURSE = __ENV.COURSE || "agree";
// Diffs come at most four a second; a network may bunch two of them.
const DIFFS_A_SECOND = 4;
// After the last learner has left: longer than a diff takes, and a row of a lost socket.
const QUIET_MS = 3000;

const accounts = new SharedArray("accounts", () => JSON.parse(open(__ENV.ACCOUNTS)));
const admins = new SharedArray("admins", () => JSON.parse(open(__ENV.ADMINS)));

const errors = new Counter("watch_errors");
const diffs = new Counter("watch_diffs");
const changes = new Counter("watch_changes");
const agreed = new Counter("watch_agreed");
const stays = new Counter("watch_stays");
const shown = new Trend("watch_rows");

export const options = {
  scenarios: {
    watchers: { executor: "per-vu-iterations", exec: "watcher", vus: WATCHERS, iterations: 1, maxDuration: "10m" },
    // Once the watchers have signed in.
    learners: { executor: "per-vu-iterations", exec: "learner", vus: USERS, iterations: 1, startTime: "3s", maxDuration: "10m" },
  },
  thresholds: {
    watch_errors: ["count==0"],
    watch_agreed: [`count==${WATCHERS}`],
    watch_diffs: ["count>0"],
    watch_stays: [`count>=${USERS}`],
  },
  summaryTrendStats: TRENDS,
};

function fail(what) {
  errors.add(1);
  console.error(`${exec.scenario.name} ${exec.vu.idInTest}: ${what}`);
}

/** A socket that says hello, with a ticket or a token; `heard` gets each frame. */
function live({ token, ticket }, heard, closed) {
  const protocols = ticket ? ["tutor.v1.json", `tutor.ticket.${ticket}`] : ["tutor.v1.json"];
  const socket = new WebSocket(liveUrl(URL), protocols);
  const say = (frame) => socket.send(JSON.stringify(frame));
  socket.onopen = () => say({ type: "hello", id: 1, client: "k6/1", token });
  socket.onmessage = ({ data }) => {
    for (const line of data.split("\n")) {
      const frame = line ? JSON.parse(line) : { type: "" };
      if (frame.type === "heartbeat") say({ type: "heartbeat" });
      else if (frame.type === "error") fail(`${frame.code}: ${frame.message}`);
      else heard(frame, say);
    }
  };
  socket.onclose = (event) => closed(event);
  return { say, leave: () => socket.close(1000) };
}

export function watcher() {
  const account = admins[exec.scenario.iterationInTest % admins.length];
  const pass = ticket(URL, account, fail);
  if (!pass) return;
  const rows = new Rows();
  const began = Date.now();
  let count = 0;
  let left = false;
  const told = (problems) => problems.forEach(fail);
  const heard = (frame, say) => {
    switch (frame.type) {
      case "welcome":
        return say({ type: "watch", id: 2, feed: "sessions", filter: { role: "student" } });
      case "feed.snapshot":
        if (rows.rows) return compare(frame);
        return told(rows.snapshot(frame.rows));
      case "feed.diff":
        count += 1;
        diffs.add(1);
        changes.add(frame.add.length + frame.update.length + frame.remove.length);
        told(rows.diff(frame));
        return shown.add(rows.rows?.size ?? 0);
      default:
        return undefined;
    }
  };
  const compare = (frame) => {
    const problems = rows.compare(frame.rows);
    told(problems);
    if (!problems.length) agreed.add(1);
    const most = DIFFS_A_SECOND * ((Date.now() - began) / 1000 + 1);
    if (count > most) fail(`${count} diffs in ${Date.now() - began} ms`);
    left = true;
    socket.leave();
  };
  const socket = live({ ticket: pass }, heard, (event) => {
    if (!left) fail(`closed ${event.code} ${event.reason}`);
  });
  // The learners begin 3 s later, stay so long, and sign in first.
  setTimeout(() => {
    if (!rows.rows) fail("no snapshot came");
    socket.say({ type: "unwatch", id: 3, feed: "sessions" });
    socket.say({ type: "watch", id: 4, feed: "sessions", filter: { role: "student" } });
  }, LASTING_S * 1000 + 3000 + USERS * 100 + QUIET_MS);
}

// Of the first stage, which is open to everybody.
const LESSONS = ["names", "clocks", "ordering"];

/** Comes, looks at a lesson, goes, and comes again, until the time is over. */
export function learner() {
  const account = accounts[exec.scenario.iterationInTest % accounts.length];
  const token = accessToken(URL, account, fail);
  if (token) stay(token, Date.now() + LASTING_S * 1000);
}

function stay(token, until) {
  let left = false;
  const heard = (frame, say) => {
    if (frame.type !== "welcome") return;
    stays.add(1);
    const lesson = LESSONS[Math.floor(Math.random() * LESSONS.length)];
    say({ type: "context", id: 2, page: { course: COURSE, lesson } });
    setTimeout(() => {
      left = true;
      socket.leave();
    }, 500 + Math.random() * 2500);
  };
  const socket = live({ token }, heard, (event) => {
    if (!left) fail(`closed ${event.code} ${event.reason}`);
    else if (Date.now() < until) setTimeout(() => stay(token, until), Math.random() * 500);
  });
}

export function handleSummary(data) {
  const { value } = figures(data);
  return summary(data, [
    ["watchers", `${WATCHERS}, beside ${USERS} learners who come and go for ${LASTING_S} s`],
    ["errors", value("watch_errors", "count")],
    ["stays", value("watch_stays", "count")],
    ["diffs", `${value("watch_diffs", "count")} with ${value("watch_changes", "count")} changes`],
    ["rows", `${value("watch_rows", "med")} median, ${value("watch_rows", "max")} at most`],
    ["agreed at the end", `${value("watch_agreed", "count")} of ${WATCHERS}`],
  ]);
}
