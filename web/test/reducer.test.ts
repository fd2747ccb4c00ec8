import { describe, expect, test } from "vitest";
import type { LogEvent, Snapshot } from "../src/live/frames";
import { type ThreadState, apply, bySeq, emptyThread } from "./reducer-help";

const base: Snapshot = { type: "snapshot", thread: "t", epoch: "e1", seq: 4, items: [], ended: [] };
const delta = (first: number, seq: number, text: string): LogEvent => ({ type: "delta", thread: "t", first, seq, turn: "u", attempt: 1, text });
const running = (seq: number, extra: object = {}): LogEvent => ({ type: "turn", thread: "t", seq, turn: "u", attempt: 1, status: "running", ...extra });
const item = (id: string, text: string) => ({ id, type: "assistant_message", content: [{ type: "output_text", text }] });
const user = (seq: number): LogEvent => ({
  type: "message", thread: "t", seq, item: { id: `m${seq}`, type: "user_message", content: [{ type: "input_text", text: "why?" }] },
});
const end = (seq: number, extra: object = {}): LogEvent => ({
  type: "end", thread: "t", seq, turn: "u", attempt: 1, status: "done", item: item("a", "ab"), length: 2, sha256: "00", ...extra,
});
const from = (...inputs: Parameters<typeof apply>[1][]): ThreadState => inputs.reduce(apply, emptyThread("t"));

describe("what continues is applied, once", () => {
  test("a turn is put together from its message, deltas and end", () => {
    const state = from(base, user(5), running(6, { hint_level: 1 }), delta(7, 7, "a"), delta(8, 9, "b"), end(10));
    expect(state.seq).toBe(10);
    expect(state.turn).toBeNull();
    expect(state.items.map((entry) => entry.id)).toEqual(["m5", "a"]);
    expect(state.ended["u"]).toMatchObject({ text: "ab", status: "done", verified: "pending", hint: 1 });
  });

  test("a repeated event leaves the very same state", () => {
    const state = from(base, user(5), running(6), delta(7, 7, "a"));
    expect(apply(state, delta(7, 7, "a"))).toBe(state);
    expect(apply(state, user(5))).toBe(state);
  });

  test("a hole is not applied and asks for a snapshot", () => {
    const state = from(base, user(5), running(6), delta(8, 8, "late"));
    expect(state.sync).toBe("gap");
    expect(state.seq).toBe(6);
    expect(state.turn?.text).toBe("");
    expect(apply(state, delta(7, 7, "a"))).toBe(state);
  });

  test("a merged delta that overlaps what is there is a hole, not a double", () => {
    const state = from(base, user(5), running(6), delta(7, 8, "ab"), delta(8, 9, "bc"));
    expect(state.sync).toBe("gap");
    expect(state.turn?.text).toBe("ab");
  });

  test("an event of another epoch is not applied", () => {
    expect(from(base, { ...user(5), epoch: "e2" }).sync).toBe("gap");
  });

  test("nothing is applied before a resume or a snapshot", () => {
    const state = emptyThread("t");
    expect(apply(state, user(1))).toBe(state);
  });

  test("after a lost socket nothing is applied until the server says where it goes on", () => {
    const state = from(base, user(5), { type: "local.detached" });
    expect(apply(state, running(6))).toBe(state);
    const again = bySeq(state, [{ type: "resumed", thread: "t", epoch: "e1", mode: "replay", first: 6, seq: 7 }, running(6)]);
    expect(again).toMatchObject({ sync: "live", seq: 6 });
  });
});

describe("resume", () => {
  test("a replay that does not begin at the next seq is a hole", () => {
    const state = from(base, { type: "resumed", thread: "t", epoch: "e1", mode: "replay", first: 7, seq: 9 });
    expect(state.sync).toBe("gap");
  });

  test("a reset waits for its snapshot and then replaces everything", () => {
    const waiting = from(base, user(5), { type: "resumed", thread: "t", epoch: "e2", mode: "reset", reason: "epoch" });
    expect(apply(waiting, running(6))).toBe(waiting);
    const state = apply(waiting, { ...base, epoch: "e2", seq: 1, items: [item("x", "new")] });
    expect(state).toMatchObject({ epoch: "e2", seq: 1, sync: "live", turn: null });
    expect(state.items.map((entry) => entry.id)).toEqual(["x"]);
  });

  test("a snapshot in mid-answer holds the text once, and the tail goes on from it", () => {
    const snap: Snapshot = { ...base, seq: 8, turn: { id: "u", attempt: 1, status: "running", text: "ab" } };
    const state = from(snap, delta(8, 8, "b"), delta(9, 9, "c"));
    expect(state.turn).toMatchObject({ text: "abc", resumed: true });
  });

  test("an ended turn of a snapshot counts as its end, over the stored text", () => {
    const state = from({ ...base, items: [item("a", "ab")], ended: [{ turn: "u", status: "done", item: "a", length: 2, sha256: "ff" }] });
    expect(state.ended["u"]).toMatchObject({ text: "ab", length: 2, verified: "pending" });
    const checked = apply(state, { type: "local.verified", turn: "u", verified: "true" });
    expect(checked.ended["u"]?.verified).toBe("true");
  });
});

describe("takeover", () => {
  test("a continued turn keeps its prefix", () => {
    const state = from(base, user(5), running(6), delta(7, 7, "a"), running(8, { status: "continued", attempt: 2 }), delta(9, 9, "b"));
    expect(state.turn).toMatchObject({ text: "ab", attempt: 2, resumed: true, status: "running" });
  });

  test("a restarted turn drops the text from the named seq", () => {
    const state = from(base, user(5), running(6), delta(7, 8, "ab"), running(9, { status: "restarted", attempt: 2, drop_from: 7 }), delta(10, 10, "c"));
    expect(state.turn).toMatchObject({ text: "c", attempt: 2 });
  });

  test("a restart after a snapshot drops the snapshot's text", () => {
    const snap: Snapshot = { ...base, seq: 8, turn: { id: "u", attempt: 1, status: "running", text: "ab" } };
    expect(from(snap, running(9, { status: "restarted", attempt: 2, drop_from: 7 })).turn?.text).toBe("");
  });
});

describe("ends and history", () => {
  test("a cancelled turn without a word leaves an end and no item", () => {
    const state = from(base, user(5), running(6), end(7, { status: "cancelled", item: null, length: 0 }));
    expect(state.items).toHaveLength(1);
    expect(state.ended["u"]).toMatchObject({ status: "cancelled", item: null, text: "" });
  });

  test("older items go before the ones there are, each once", () => {
    const state = from({ ...base, items: [item("b", "")], before: "c1" }, { type: "local.history", items: [item("a", ""), item("b", "")], before: null });
    expect(state.items.map((entry) => entry.id)).toEqual(["a", "b"]);
    expect(state.before).toBeNull();
  });

  test("any way of cutting the log into merged deltas gives the same text", () => {
    const words = ["What ", "changes ", "is ", "the ", "owner, ", "not ", "the ", "value."];
    for (let cut = 1; cut < words.length; cut += 1) {
      const parts: LogEvent[] = [];
      for (let at = 0; at < words.length; at += cut) {
        const piece = words.slice(at, at + cut);
        parts.push(delta(7 + at, 6 + at + piece.length, piece.join("")));
      }
      const state = from(base, user(5), running(6), ...parts);
      expect(state.turn?.text).toBe(words.join(""));
      expect(state.seq).toBe(14);
    }
  });
});
