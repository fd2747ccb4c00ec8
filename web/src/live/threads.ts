import type { LogEvent, Resume } from "./frames";
import { itemText } from "./frames";
import { type ThreadInput, type ThreadState, apply, emptyThread } from "./reducer";
import { Store } from "./store";
import { verifyText } from "./verify";

export interface ThreadHooks {
  /** What this client has does not add up: it needs a snapshot. */
  resync: (thread: string, why: string) => void;
  /** An event of the log, or a snapshot, was applied. */
  applied: (before: ThreadState, after: ThreadState, input: ThreadInput) => void;
}

/** The threads that this client has open, each applied event by event and proven at each end. */
export class Threads {
  readonly all = new Store<Readonly<Record<string, ThreadState>>>({});
  #hooks: ThreadHooks;
  #resynced = new Set<string>();
  #acked: Record<string, number> = {};
  /** Titles told before the thread was opened here. */
  #titles = new Map<string, string>();

  constructor(hooks: ThreadHooks) {
    this.#hooks = hooks;
  }

  get(thread: string): ThreadState | null {
    return this.all.value[thread] ?? null;
  }

  begin(thread: string): void {
    if (this.get(thread)) return;
    this.#set({ ...emptyThread(thread), title: this.#titles.get(thread) ?? null });
  }

  forget(thread: string): boolean {
    if (!this.get(thread)) return false;
    const rest = { ...this.all.value };
    delete rest[thread];
    this.all.set(rest);
    return true;
  }

  clear(): void {
    this.all.set({});
    this.#titles.clear();
    this.#resynced.clear();
    this.#acked = {};
  }

  retitle(thread: string, title: string): void {
    this.#titles.set(thread, title);
    this.feed(thread, { type: "local.title", title });
  }

  /** The socket is gone: nothing is applied until the server says where each thread goes on. */
  detach(): void {
    this.#acked = {};
    for (const id of Object.keys(this.all.value)) this.feed(id, { type: "local.detached" });
  }

  /** What `hello` says of the threads that are open. */
  resume(): Resume[] {
    return Object.values(this.all.value)
      .filter((thread) => !thread.missing)
      .map(({ id, epoch, seq }) => (epoch !== null && seq !== null ? { thread: id, epoch, seq } : { thread: id }));
  }

  /** How far each thread has come since this was last asked for; null if none has. */
  unacked(): Record<string, number> | null {
    const seqs: Record<string, number> = {};
    for (const { id, seq, sync } of Object.values(this.all.value)) {
      if (seq !== null && sync === "live" && this.#acked[id] !== seq) seqs[id] = seq;
    }
    if (Object.keys(seqs).length === 0) return null;
    Object.assign(this.#acked, seqs);
    return seqs;
  }

  log(event: LogEvent): void {
    this.feed(event.thread, event);
  }

  feed(id: string, input: ThreadInput): void {
    const before = this.get(id);
    if (!before) return;
    const after = apply(before, input);
    if (after === before) return;
    this.#set(after);
    if (after.seq !== before.seq || input.type === "snapshot") this.#hooks.applied(before, after, input);
    if (after.sync === "gap" && before.sync !== "gap") this.#hooks.resync(id, `an event did not continue seq ${before.seq}`);
    if (after.ended === before.ended) return;
    for (const turn of after.order) {
      const end = after.ended[turn];
      if (end?.verified === "pending" && before.ended[turn] !== end) void this.#verify(id, turn);
    }
  }

  /** The proof: our own text against the length and hash of `end`, and against the stored item. */
  async #verify(id: string, turn: string): Promise<void> {
    const state = this.get(id);
    const end = state?.ended[turn];
    if (!state || !end) return;
    const item = end.item === null ? null : state.items.find((candidate) => candidate.id === end.item);
    const stored = item ? itemText(item) : end.text;
    let verdict = await verifyText(end.text, end.length, end.sha256);
    if (verdict === "true" && stored !== end.text) verdict = "false";
    this.feed(id, { type: "local.verified", turn, verified: verdict });
    if (verdict !== "false" || this.#resynced.has(turn)) return;
    this.#resynced.add(turn);
    this.#hooks.resync(id, `the text of ${turn} does not match its length and hash`);
  }

  #set(thread: ThreadState): void {
    this.all.set({ ...this.all.value, [thread.id]: thread });
  }
}
