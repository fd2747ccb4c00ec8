import { describe, expect, test } from "vitest";
import type { LogEvent, LogEventOf } from "../src/live/frames";
import { type ThreadInput, apply, emptyThread } from "../src/live/reducer";
import { answer, asked, delta, end, from, question, running, runningAt, snapshot } from "./frames";

const base = snapshot();
const resumedAt = (first: number, seq: number): ThreadInput => ({ type: "resumed", thread: "t", epoch: "e1", mode: "replay", first, seq });

describe("what continues is applied, once", () => {
  test("a turn is put together from its message, deltas and end", () => {
    const state = from(base, asked(5), running(6, { hint_level: 1 }), delta(7, 7, "a"), delta(8, 9, "b"), end(10));
    expect(state.seq).toBe(10);
    expect(state.turn).toBeNull();
    expect(state.items.map((entry) => entry.id)).toEqual(["m5", "a"]);
    expect(state.ended["u"]).toMatchObject({ text: "ab", status: "done", verified: "pending", hint: 1 });
  });

  test("a repeated event leaves the very same state", () => {
    const state = from(base, asked(5), running(6), delta(7, 7, "a"));
    expect(apply(state, delta(7, 7, "a"))).toBe(state);
    expect(apply(state, asked(5))).toBe(state);
  });

  test("a hole is not applied and asks for a snapshot", () => {
    const state = from(base, asked(5), running(6), delta(8, 8, "late"));
    expect(state.sync).toBe("gap");
    expect(state.seq).toBe(6);
    expect(state.turn?.text).toBe("");
    expect(apply(state, delta(7, 7, "a"))).toBe(state);
  });

  test("a merged delta that overlaps what is there is a hole, not a double", () => {
    const state = from(base, asked(5), running(6), delta(7, 8, "ab"), delta(8, 9, "bc"));
    expect(state.sync).toBe("gap");
    expect(state.turn?.text).toBe("ab");
  });

  test("an event of another epoch is not applied", () => {
    expect(from(base, { ...asked(5), epoch: "e2" }).sync).toBe("gap");
  });

  test("nothing is applied before a resume or a snapshot", () => {
    const state = emptyThread("t");
    expect(apply(state, asked(1))).toBe(state);
  });

  test("after a lost socket nothing is applied until the server says where it goes on", () => {
    const state = from(base, asked(5), { type: "local.detached" });
    expect(apply(state, running(6))).toBe(state);
    const again = [resumedAt(6, 7), running(6)].reduce(apply, state);
    expect(again).toMatchObject({ sync: "live", seq: 6 });
  });
});

describe("resume", () => {
  test("a replay that does not begin at the next seq is a hole", () => {
    const state = from(base, { type: "resumed", thread: "t", epoch: "e1", mode: "replay", first: 7, seq: 9 });
    expect(state.sync).toBe("gap");
  });

  test("a reset waits for its snapshot and then replaces everything", () => {
    const waiting = from(base, asked(5), { type: "resumed", thread: "t", epoch: "e2", mode: "reset", reason: "epoch" });
    expect(apply(waiting, running(6))).toBe(waiting);
    const state = apply(waiting, { ...base, epoch: "e2", seq: 1, items: [answer("x", "new")] });
    expect(state).toMatchObject({ epoch: "e2", seq: 1, sync: "live", turn: null });
    expect(state.items.map((entry) => entry.id)).toEqual(["x"]);
  });

  test("a snapshot in mid-answer holds the text once, and the tail goes on from it", () => {
    const snap = snapshot({ seq: 8, turn: runningAt("ab") });
    const state = from(snap, delta(8, 8, "b"), delta(9, 9, "c"));
    expect(state.turn).toMatchObject({ text: "abc", resumed: true });
  });

  test("an ended turn of a snapshot counts as its end, over the stored text", () => {
    const state = from({ ...base, items: [answer("a", "ab")], ended: [{ turn: "u", status: "done", item: "a", length: 2, sha256: "ff" }] });
    expect(state.ended["u"]).toMatchObject({ text: "ab", length: 2, verified: "pending" });
    const checked = apply(state, { type: "local.verified", turn: "u", verified: "true" });
    expect(checked.ended["u"]?.verified).toBe("true");
  });
});

describe("what leaves the conversation", () => {
  const talk = [asked(5), running(6), delta(7, 7, "ab"), end(8)];

  test("an edited question leaves, with all that is behind it, and its other wording stands in its place", () => {
    const before = from(snapshot({ items: [question("m0"), answer("a0", "zz")] }), ...talk);
    const state = apply(before, asked(9, { item: question("m9", "how?"), replaces: "m5" }));
    expect(state.items.map((entry) => entry.id)).toEqual(["m0", "a0", "m9"]);
    expect(state.ended["u"]?.status).toBe("done");
  });

  test("an edited question that is older than all that was loaded leaves nothing of it", () => {
    const state = from(snapshot({ items: [question("m3"), answer("a3", "zz")], before: "c" }), asked(5, { replaces: "m1" }));
    expect(state.items.map((entry) => entry.id)).toEqual(["m5"]);
  });

  test("a regenerated answer leaves when the next one begins, and its turn still counts as ended", () => {
    const state = from(base, ...talk, running(9, { turn: "v", replaces: "a" }), delta(10, 10, "cd", "v"));
    expect(state.items.map((entry) => entry.id)).toEqual(["m5"]);
    expect(state.turn).toMatchObject({ id: "v", text: "cd" });
    const done = apply(state, end(11, { turn: "v", item: answer("b", "cd") }));
    expect(done.items.map((entry) => entry.id)).toEqual(["m5", "b"]);
    expect(done.order).toEqual(["u", "v"]);
  });

  test("a hint is another answer to the same question: both stay", () => {
    const state = from(base, ...talk, running(9, { turn: "v", hint_level: 2 }), delta(10, 10, "cd", "v"), end(11, { turn: "v", item: answer("b", "cd") }));
    expect(state.items.map((entry) => entry.id)).toEqual(["m5", "a", "b"]);
    expect(state.hint).toBe(2);
  });

  test("a turn of a snapshot whose item was replaced counts as ended, and needs no proof", () => {
    const state = from(snapshot({ ended: [{ turn: "u", status: "done", item: "gone", length: 9, sha256: "ff" }] }));
    expect(state.ended["u"]).toMatchObject({ status: "done", verified: "unknown" });
    expect(state.order).toEqual(["u"]);
  });
});

describe("takeover", () => {
  test("a continued turn keeps its prefix", () => {
    const state = from(base, asked(5), running(6), delta(7, 7, "a"), running(8, { status: "continued", attempt: 2 }), delta(9, 9, "b"));
    expect(state.turn).toMatchObject({ text: "ab", attempt: 2, resumed: true, status: "running" });
  });

  test("a restarted turn drops the text from the named seq", () => {
    const state = from(base, asked(5), running(6), delta(7, 8, "ab"), running(9, { status: "restarted", attempt: 2, drop_from: 7 }), delta(10, 10, "c"));
    expect(state.turn).toMatchObject({ text: "c", attempt: 2 });
  });

  test("a restart after a snapshot drops the snapshot's text", () => {
    const snap = snapshot({ seq: 8, turn: runningAt("ab") });
    expect(from(snap, running(9, { status: "restarted", attempt: 2, drop_from: 7 })).turn?.text).toBe("");
  });
});

describe("ends and history", () => {
  const noWord = (seq: number): LogEvent => {
    const { item: _, ...rest } = end(seq, { status: "cancelled", length: 0 }) as LogEventOf<"end">;
    return rest;
  };

  test("a cancelled turn without a word leaves an end and no item", () => {
    const state = from(base, asked(5), running(6), noWord(7));
    expect(state.items).toHaveLength(1);
    expect(state.ended["u"]).toMatchObject({ status: "cancelled", item: null, text: "" });
  });

  test("older items go before the ones there are, each once", () => {
    const state = from({ ...base, items: [answer("b", "")], before: "c1" }, { type: "local.history", items: [answer("a", ""), answer("b", "")], before: null });
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
      const state = from(base, asked(5), running(6), ...parts);
      expect(state.turn?.text).toBe(words.join(""));
      expect(state.seq).toBe(14);
    }
  });
});
