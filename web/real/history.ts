import { createHash } from "node:crypto";
import type { WebSocket as NodeSocket } from "ws";
import type { LiveClient } from "../src/live/client";
import type { LogEventOf, Snapshot } from "../src/live/frames";
import { itemText } from "../src/live/frames";
import type { ThreadInput, ThreadState } from "../src/live/reducer";

interface Answer {
  thread: string;
  text: string;
  /** `end` events applied. */
  ends: number;
  /** What an `end` or a snapshot said of it. */
  said: { length: number; sha256: string; status: string } | null;
  /** The stored text, where an item came with it. */
  item: string | null;
}

interface Position {
  epoch: string | null;
  seq: number;
}

/**
 * A second opinion on what a client applied: it counts seqs and puts texts together by itself, and
 * shares no code with the reducer. `broken` holds each promise that was not kept.
 */
export class History {
  readonly broken: string[] = [];
  readonly modes = new Map<string, number>();
  events = 0;
  onClose: ((code: number) => void) | null = null;
  #waiting: { mode: string; done: () => void }[] = [];
  #proven = new Set<string>();
  #positions = new Map<string, Position>();
  #answers = new Map<string, Answer>();

  constructor(client: LiveClient) {
    client.onApplied = (before, _after, input) => this.#applied(before, input);
    client.threads.watch((threads) => {
      for (const { id, seq, sync, ended } of Object.values(threads)) {
        if (sync === "gap") this.broken.push(`${id}: a gap after ${seq}`);
        for (const { turn, verified } of Object.values(ended)) {
          if (verified === "true") this.#proven.add(turn);
          if (verified === "false") this.broken.push(`${turn}: the client found its own text wrong`);
        }
      }
    });
  }

  /** Reads along on the sockets themselves: how each thread was resumed. */
  listen(around: { onSocket: ((socket: NodeSocket) => void) | null }): void {
    around.onSocket = (socket) => {
      socket.addEventListener("close", ({ code }) => this.onClose?.(code));
      socket.addEventListener("message", ({ data }) => {
        for (const line of String(data).split("\n")) {
          const frame = JSON.parse(line) as { type: string; mode?: string };
          if (frame.type === "resumed" && frame.mode) this.#resumed(frame.mode);
        }
      });
    };
  }

  /** The next time that a thread is resumed so. */
  resumedAs(mode: string): Promise<void> {
    return new Promise((done) => this.#waiting.push({ mode, done }));
  }

  addModes(sum: Record<string, number>): Record<string, number> {
    for (const [mode, count] of this.modes) sum[mode] = (sum[mode] ?? 0) + count;
    return sum;
  }

  /** The client itself proved it at some time; a replaced answer cannot be proven anew. */
  wasProven(turn: string): boolean {
    return this.#proven.has(turn);
  }

  #resumed(mode: string): void {
    this.modes.set(mode, (this.modes.get(mode) ?? 0) + 1);
    for (const { done } of this.#waiting.filter((waiting) => waiting.mode === mode)) done();
    this.#waiting = this.#waiting.filter((waiting) => waiting.mode !== mode);
  }

  /** Each of these turns ended once, and its text is the one that its end names. */
  check(turns: readonly string[]): string[] {
    const broken = [...this.broken];
    for (const turn of turns) {
      const answer = this.#answers.get(turn);
      if (!answer?.said) {
        broken.push(`${turn} has no end`);
        continue;
      }
      if (answer.ends > 1) broken.push(`${turn} ended ${answer.ends} times`);
      const text = answer.item ?? answer.text;
      if ([...text].length !== answer.said.length) broken.push(`${turn}: ${[...text].length} characters, not ${answer.said.length}`);
      if (sha256(text) !== answer.said.sha256) broken.push(`${turn}: its hash is another`);
      if (answer.ends === 1 && answer.text !== text) broken.push(`${turn}: the streamed text is not the stored one`);
    }
    return broken;
  }

  #applied(before: ThreadState, input: ThreadInput): void {
    if (input.type === "snapshot") return this.#snapshot(input);
    if (input.type === "local.started") {
      this.#positions.set(before.id, { epoch: input.epoch, seq: input.seq });
      return;
    }
    if (!("seq" in input) || !("thread" in input)) return;
    if (input.type === "resumed") return;
    this.events += 1;
    const at = this.#positions.get(input.thread);
    const first = "first" in input && input.first !== undefined ? input.first : input.seq;
    if (!at) this.broken.push(`${input.thread}: seq ${input.seq} came before any start`);
    else if (first !== at.seq + 1) this.broken.push(`${input.thread}: ${first}..${input.seq} came after ${at.seq}`);
    this.#positions.set(input.thread, { epoch: input.epoch ?? at?.epoch ?? null, seq: input.seq });
    if (input.type === "delta") this.#answer(input.thread, input.turn).text += input.text;
    if (input.type === "turn" && input.status === "restarted") this.#answer(input.thread, input.turn).text = "";
    if (input.type === "end") this.#end(input);
  }

  #snapshot(frame: Snapshot): void {
    const at = this.#positions.get(frame.thread);
    if (at && at.epoch === frame.epoch && frame.seq < at.seq) this.broken.push(`${frame.thread}: a snapshot at ${frame.seq} after ${at.seq}`);
    this.#positions.set(frame.thread, { epoch: frame.epoch, seq: frame.seq });
    // What it does not show of an unfinished answer comes behind it, from the start.
    for (const answer of this.#answers.values()) if (answer.thread === frame.thread && !answer.said) answer.text = "";
    if (frame.turn) this.#answer(frame.thread, frame.turn.id).text = frame.turn.text;
    for (const { turn, status, length, sha256: hash, item } of frame.ended) {
      const answer = this.#answer(frame.thread, turn);
      if (answer.said && (answer.said.sha256 !== hash || answer.said.status !== status)) this.broken.push(`${turn} ended in two ways`);
      answer.said = { length, sha256: hash, status };
      const stored = frame.items.find((entry) => entry.id === item);
      if (stored) answer.item = itemText(stored);
      else if (length === 0) answer.item = "";
    }
  }

  #end(event: LogEventOf<"end">): void {
    const answer = this.#answer(event.thread, event.turn);
    answer.ends += 1;
    answer.said = { length: event.length, sha256: event.sha256, status: event.status };
    answer.item = itemText(event.item);
  }

  #answer(thread: string, turn: string): Answer {
    const known = this.#answers.get(turn) ?? { thread, text: "", ends: 0, said: null, item: null };
    this.#answers.set(turn, known);
    return known;
  }
}

export function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
