import type { Item, LogEvent, LogEventOf, Snapshot, Welcome } from "../src/live/frames";
import { type ThreadInput, type ThreadState, apply, emptyThread } from "../src/live/reducer";

const at = "2026-11-22T14:00:00.000Z";

export const answer = (id: string, text: string): Item => ({
  id, thread_id: "t", created_at: at, type: "assistant_message", content: [{ type: "output_text", text, annotations: [] }],
});
export const question = (id: string, text = "why?"): Item => ({
  id, thread_id: "t", created_at: at, type: "user_message", content: [{ type: "input_text", text }], attachments: [], inference_options: {},
});

export const asked = (seq: number, extra: Partial<LogEventOf<"message">> = {}): LogEvent => ({
  type: "message", thread: "t", seq, item: question(`m${seq}`), ...extra,
});
export const running = (seq: number, extra: Partial<LogEventOf<"turn">> = {}): LogEvent => ({
  type: "turn", thread: "t", seq, turn: "u", attempt: 1, status: "running", ...extra,
});
export const delta = (first: number, seq: number, text: string, turn = "u"): LogEvent => ({
  type: "delta", thread: "t", first, seq, turn, attempt: 1, text,
});
export const end = (seq: number, extra: Partial<LogEventOf<"end">> = {}): LogEvent => ({
  type: "end", thread: "t", seq, turn: "u", attempt: 1, status: "done", item: answer("a", "ab"), length: 2, sha256: "00",
  usage: { input: 1, output: 1 }, timing_ms: { first: 1, total: 2 }, ...extra,
});

export const snapshot = (extra: Partial<Snapshot> = {}): Snapshot => ({
  type: "snapshot", thread: "t", epoch: "e1", seq: 4, title: "", items: [], ended: [], ...extra,
});
export const runningAt = (text: string): NonNullable<Snapshot["turn"]> => ({ id: "u", attempt: 1, status: "running", text });

export const welcome = (id: unknown, extra: Partial<Welcome> = {}): Welcome => ({
  type: "welcome", id: Number(id), session: "s_1", connection: "c1", node: "n1", user: { id: "u", name: "Ada", role: "student", stages: {} },
  expires: at, heartbeat: 25, max_frame: 65_536, quota: { limit: 20, remaining: 20, resets_at: null }, tutor: { kind: "extractive" }, ...extra,
});

/** The state after these, in order. */
export function from(...inputs: ThreadInput[]): ThreadState {
  return inputs.reduce(apply, emptyThread("t"));
}
