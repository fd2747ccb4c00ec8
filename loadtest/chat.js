// Many learners at once: each signs in, opens the live socket, asks, and checks that every piece
// of the answer arrived once, in order, and that length and SHA-256 are those the server states.
//
//   make load USERS=100            (starts a server of its own; see loadtest/README.md)
//   k6 run -e URL=http://127.0.0.1:8080 -e ACCOUNTS=accounts.json loadtest/chat.js

import exec from "k6/execution";
import { Counter, Rate, Trend } from "k6/metrics";
import { SharedArray } from "k6/data";
import { WebSocket } from "k6/experimental/websockets";

import { accessToken, liveUrl } from "./lib/door.js";
import { question } from "./lib/questions.js";
import { Replica } from "./lib/replica.js";
import { TRENDS, figures, summary } from "./lib/summary.js";

const URL = __ENV.URL || "http://127.0.0.1:8080";
const ASKS = Number(__ENV.ASKS || 3);
const COURSE = __ENV.COURSE || "agree";
// A turn that takes longer counts as an error.
const PATIENCE_MS = Number(__ENV.PATIENCE_MS || 120000);

const accounts = new SharedArray("accounts", () => JSON.parse(open(__ENV.ACCOUNTS)));

const errors = new Counter("live_errors");
const right = new Rate("live_answer_right");
const ends = new Counter("live_ends");
const first = new Trend("live_first_delta", true);
const total = new Trend("live_answer", true);
const frames = new Counter("live_frames");

export const options = {
  scenarios: {
    learners: {
      executor: "per-vu-iterations",
      vus: Number(__ENV.USERS || 10),
      iterations: 1,
      maxDuration: "10m",
    },
  },
  thresholds: {
    live_errors: ["count==0"],
    live_answer_right: ["rate==1"],
    live_ends: [`count==${Number(__ENV.USERS || 10) * ASKS}`],
  },
  summaryTrendStats: TRENDS,
};

function fail(what) {
  errors.add(1);
  console.error(`user ${exec.vu.idInTest}: ${what}`);
}

export default function learner() {
  const account = accounts[(exec.vu.idInTest - 1) % accounts.length];
  const token = accessToken(URL, account, fail);
  if (token) {
    converse(token);
  }
}

function converse(token) {
  const socket = new WebSocket(liveUrl(URL), ["tutor.v1.json"]);
  const state = { id: 1, asked: 0, sentAt: 0, heard: false, done: false, replica: null };
  const say = (frame) => socket.send(JSON.stringify(frame));
  let patience = 0;

  const leave = () => {
    state.done = true;
    clearTimeout(patience);
    socket.close(1000);
  };
  const ask = () => {
    const { thread, text } = { thread: state.replica?.thread, text: question(exec.vu.idInTest, state.asked) };
    state.asked += 1;
    state.id += 1;
    state.sentAt = Date.now();
    state.heard = false;
    const message_id = `load-${exec.vu.idInTest}-${state.asked}-${state.sentAt}`;
    say({ type: "send", id: state.id, thread, message_id, text, page: { course: COURSE } });
    clearTimeout(patience);
    patience = setTimeout(() => {
      fail(`no end after ${PATIENCE_MS} ms`);
      leave();
    }, PATIENCE_MS);
  };
  const ended = (checked) => {
    ends.add(1);
    right.add(checked.right && checked.status === "done");
    total.add(Date.now() - state.sentAt);
    if (!checked.right || checked.status !== "done") {
      fail(`turn ${checked.turn} ended ${checked.status}: ${checked.problem}`);
    }
    state.asked < ASKS ? ask() : leave();
  };
  const take = (frame) => {
    switch (frame.type) {
      case "welcome":
        return ask();
      case "ok":
        if (frame.id === state.id && !state.replica) {
          state.replica = new Replica(frame.thread, frame.seq - 1);
        }
        return undefined;
      case "error":
        fail(`${frame.code}: ${frame.message}`);
        return leave();
      case "heartbeat":
        return say({ type: "heartbeat" });
      default: {
        if (frame.seq === undefined || frame.thread !== state.replica?.thread) return undefined;
        if (frame.type === "delta" && !state.heard) {
          state.heard = true;
          first.add(Date.now() - state.sentAt);
        }
        const news = state.replica.apply(frame);
        if (news.problem) fail(news.problem);
        return news.ended ? ended(news.ended) : undefined;
      }
    }
  };

  socket.onopen = () => say({ type: "hello", id: 1, client: "k6/1", token });
  socket.onmessage = ({ data }) => {
    frames.add(1);
    for (const line of data.split("\n")) {
      if (line) take(JSON.parse(line));
    }
  };
  socket.onerror = (event) => {
    if (!state.done) fail(`socket: ${event.error}`);
  };
  socket.onclose = (event) => {
    clearTimeout(patience);
    if (!state.done) fail(`closed ${event.code} ${event.reason} after ${state.asked} of ${ASKS}`);
  };
}

export function handleSummary(data) {
  const { value, trend } = figures(data);
  return summary(data, [
    ["users", `${__ENV.USERS || 10}, ${ASKS} questions each`],
    ["errors", value("live_errors", "count")],
    ["answers", `${value("live_ends", "count")}, ${(100 * value("live_answer_right", "rate")).toFixed(2)} % with the right order, length and sha256`],
    ["first words", trend("live_first_delta")],
    ["whole answer", trend("live_answer")],
    ["messages received", value("live_frames", "count")],
  ]);
}
