import { planReconnect } from "./backoff";
import type { ErrorFrame, Incoming, Ok, Page, Quota, SessionRow, Welcome } from "./frames";
import { isLogEvent, itemText } from "./frames";
import { type ThreadInput, type ThreadState, apply, emptyThread } from "./reducer";
import { type Surroundings, Wire } from "./socket";
import { Store } from "./store";
import { verifyText } from "./verify";

export type Phase = "idle" | "connecting" | "online" | "waiting" | "stopped" | "signed-out";

export interface Status {
  phase: Phase;
  reason: string | null;
  user: Welcome["user"] | null;
  quota: Quota | null;
  tutor: string | null;
  connection: string | null;
  /** Log events applied so far, in all threads: a page's tests read it. */
  applied: number;
}

/** A request's refusal, with the server's code; `offline` when it could not be asked. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}

interface Asked {
  frame: Record<string, unknown>;
  /** Idempotent requests are asked again on the next connection. */
  again: boolean;
  resolve: (ok: Ok) => void;
  reject: (error: Refused) => void;
}

export interface SendOptions {
  thread: string | null;
  messageId: string;
  text: string;
  quote?: string | undefined;
  page?: Page | undefined;
}

const STARTED: Status = {
  phase: "idle", reason: null, user: null, quota: null, tutor: null, connection: null, applied: 0,
};

/** The live protocol for one signed-in browser window: one socket, any number of open threads. */
export class LiveClient {
  readonly status = new Store<Status>(STARTED);
  readonly threads = new Store<Record<string, ThreadState>>({});
  readonly sessions = new Store<Record<string, SessionRow> | null>(null);
  /** Told of titles, new threads and renames, from this window or another. */
  onThread: ((thread: string, title: string | null) => void) | null = null;

  #around: Surroundings;
  #wire: Wire | null = null;
  #wanted = false;
  #attempt = 0;
  #timer = 0;
  #generation = 0;
  #stay: string | null = null;
  #page: Page | null = null;
  #nextId = 1;
  #asked = new Map<number, Asked>();
  #held: Asked[] = [];
  #feeds = new Map<string, object | undefined>();
  #ackTimer = 0;
  #resynced = new Set<string>();
  #resuming = new Set<string>();
  /** Titles told before the thread was opened here. */
  #titles = new Map<string, string>();

  constructor(around: Surroundings, stay: string | null = null) {
    this.#around = around;
    this.#stay = stay;
  }

  get stay(): string | null {
    return this.#stay;
  }

  connect(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#attempt = 0;
    void this.#dial();
  }

  /** A reconnect now: the network came back, or the user asked. */
  retryNow(): void {
    if (!this.#wanted || this.status.value.phase !== "waiting") return;
    this.#around.clearTimer(this.#timer);
    void this.#dial();
  }

  disconnect(): void {
    this.#wanted = false;
    this.#generation += 1;
    this.#around.clearTimer(this.#timer);
    this.#around.clearTimer(this.#ackTimer);
    const wire = this.#wire;
    this.#wire = null;
    wire?.close(1000);
    for (const asked of [...this.#asked.values(), ...this.#held]) asked.reject(new Refused("offline", "Signed out."));
    this.#asked.clear();
    this.#held = [];
    this.#feeds.clear();
    this.#titles.clear();
    this.#stay = null;
    this.threads.set({});
    this.sessions.set(null);
    this.status.set(STARTED);
  }

  setPage(page: Page): void {
    this.#page = page;
    if (this.status.value.phase === "online") this.#ask({ type: "context", page }, false).catch(() => undefined);
  }

  /** Idempotent by message id: asked again after a lost connection until it is answered. */
  async send(options: SendOptions): Promise<Ok> {
    const frame: Record<string, unknown> = { type: "send", message_id: options.messageId, text: options.text };
    if (options.thread) frame["thread"] = options.thread;
    if (options.quote) frame["quote"] = options.quote;
    if (options.page) frame["page"] = options.page;
    return this.#ask(frame, true);
  }

  cancel(turn: string): Promise<Ok> {
    return this.#ask({ type: "cancel", turn }, true);
  }

  /** Opens a thread here: the next connection resumes it by itself. */
  async open(thread: string): Promise<void> {
    const known = this.threads.value[thread];
    if (known && known.sync === "live") return;
    if (!known) this.#begin(thread);
    if (this.status.value.phase === "online") await this.#ask({ type: "open", thread }, false);
  }

  closeThread(thread: string): void {
    if (!this.threads.value[thread]) return;
    const rest = { ...this.threads.value };
    delete rest[thread];
    this.threads.set(rest);
    if (this.status.value.phase === "online") this.#ask({ type: "close", thread }, false).catch(() => undefined);
  }

  async older(thread: string): Promise<void> {
    const before = this.threads.value[thread]?.before;
    if (!before) return;
    const ok = await this.#ask({ type: "history", thread, before, limit: 50 }, false);
    this.#feed(thread, { type: "local.history", items: ok.items ?? [], before: ok.before ?? null });
  }

  retitle(thread: string, title: string): void {
    this.#titles.set(thread, title);
    if (this.threads.value[thread]) this.#feed(thread, { type: "local.title", title });
  }

  watch(feed: string, filter?: object): void {
    this.#feeds.set(feed, filter);
    if (this.status.value.phase === "online") this.#askFeed(feed);
  }

  unwatch(feed: string): void {
    if (!this.#feeds.delete(feed)) return;
    this.sessions.set(null);
    if (this.status.value.phase === "online") this.#ask({ type: "unwatch", feed }, false).catch(() => undefined);
  }

  async #dial(): Promise<void> {
    const generation = ++this.#generation;
    this.status.patch({ phase: "connecting", reason: null });
    let ticket: string;
    try {
      ticket = await this.#around.ticket();
    } catch (error) {
      if (generation !== this.#generation) return;
      if (error instanceof Refused && error.code === "unauthorized") {
        this.#wanted = false;
        this.status.patch({ phase: "signed-out", reason: "You are signed out." });
        return;
      }
      return this.#lost(1006);
    }
    if (generation !== this.#generation || !this.#wanted) return;
    this.#wire = new Wire(this.#around, ticket, {
      open: () => this.#hello(),
      frames: (frames) => this.#receive(frames),
      closed: (code) => {
        if (generation !== this.#generation) return;
        this.#wire = null;
        this.#lost(code);
      },
    });
  }

  #hello(): void {
    const resume = Object.values(this.threads.value)
      .filter((thread) => !thread.missing)
      .map(({ id, epoch, seq }) => (epoch !== null && seq !== null ? { thread: id, epoch, seq } : { thread: id }));
    this.#resuming = new Set(resume.map((entry) => entry.thread));
    const hello: Record<string, unknown> = { type: "hello", id: this.#nextId++, client: "web/0.1.0", resume };
    if (this.#stay) hello["session"] = this.#stay;
    if (this.#page) hello["page"] = this.#page;
    this.#wire?.send(hello);
  }

  #lost(code: number): void {
    this.#generation += 1;
    this.#around.clearTimer(this.#ackTimer);
    this.#ackTimer = 0;
    const waiting = [...this.#asked.values()];
    this.#asked.clear();
    for (const asked of waiting) {
      if (asked.again) this.#held.push(asked);
      else asked.reject(new Refused("offline", "The connection was lost."));
    }
    for (const id of Object.keys(this.threads.value)) this.#feed(id, { type: "local.detached" });
    if (!this.#wanted) return;
    const plan = planReconnect(code, this.#attempt, this.#around.random);
    if (plan.action === "stop") {
      this.#wanted = false;
      for (const asked of this.#held.splice(0)) asked.reject(new Refused("closed", plan.reason));
      this.status.patch({ phase: "stopped", reason: plan.reason });
      return;
    }
    this.#attempt += 1;
    this.status.patch({ phase: "waiting", reason: null });
    this.#timer = this.#around.setTimer(() => void this.#dial(), plan.delay);
  }

  #ask(frame: Record<string, unknown>, again: boolean): Promise<Ok> {
    return new Promise((resolve, reject) => {
      const asked: Asked = { frame, again, resolve, reject };
      if (this.status.value.phase === "online") this.#put(asked);
      else if (again && this.#wanted) this.#held.push(asked);
      else reject(new Refused("offline", "There is no connection at the moment."));
    });
  }

  #put(asked: Asked): void {
    const id = this.#nextId++;
    this.#asked.set(id, asked);
    this.#wire?.send({ ...asked.frame, id });
  }

  #askFeed(feed: string): void {
    const filter = this.#feeds.get(feed);
    this.#ask(filter ? { type: "watch", feed, filter } : { type: "watch", feed }, false).catch((error: unknown) => {
      if (error instanceof Refused) this.status.patch({ reason: error.message });
    });
  }

  #receive(frames: Incoming[]): void {
    for (const frame of frames) {
      if (isLogEvent(frame)) this.#feed(frame.thread, frame);
      else this.#control(frame);
    }
    this.#ackSoon();
  }

  #control(frame: Incoming): void {
    switch (frame.type) {
      case "welcome":
        return this.#welcomed(frame);
      case "resumed":
      case "snapshot":
        return this.#feed(frame.thread, frame);
      case "ok":
        return this.#answered(frame);
      case "error":
        return this.#refused(frame);
      case "auth":
        return void this.#renewToken();
      case "thread":
        if (typeof frame.title === "string") this.retitle(frame.thread, frame.title);
        this.onThread?.(frame.thread, frame.title ?? null);
        return;
      case "you":
        return this.#changedRole(frame.role, frame.stages);
      case "feed.snapshot":
        if (frame.feed === "sessions") this.sessions.set(Object.fromEntries(frame.rows.map((row) => [row.session, row])));
        return;
      case "feed.diff":
        if (frame.feed === "sessions") this.#diff(frame.add ?? [], frame.update ?? [], frame.remove ?? []);
        return;
      default:
        return;
    }
  }

  #welcomed(frame: Welcome): void {
    this.#attempt = 0;
    this.#stay = frame.session;
    this.status.patch({
      phase: "online", reason: null, user: frame.user, connection: frame.connection,
      quota: frame.quota ?? this.status.value.quota, tutor: frame.tutor?.kind ?? this.status.value.tutor,
    });
    for (const asked of this.#held.splice(0)) this.#put(asked);
    // Opened while hello was under way: not in its list, so it has to be asked for.
    for (const thread of Object.keys(this.threads.value)) {
      if (!this.#resuming.has(thread)) this.#ask({ type: "open", thread }, false).catch(() => undefined);
    }
    for (const feed of this.#feeds.keys()) this.#askFeed(feed);
  }

  #answered(frame: Ok): void {
    const asked = this.#asked.get(frame.id);
    this.#asked.delete(frame.id);
    if (frame.quota) this.status.patch({ quota: frame.quota });
    if (asked?.frame["type"] === "send" && frame.thread) this.#started(frame, frame.thread);
    asked?.resolve(frame);
  }

  /** A thread that our own send began: its log starts with our message. */
  #started(frame: Ok, thread: string): void {
    if (this.threads.value[thread]) return;
    this.#begin(thread);
    if (frame.duplicate || frame.seq === undefined) {
      // Answered on an earlier connection: this one has not opened the thread yet.
      this.#ask({ type: "open", thread }, false).catch(() => undefined);
      return;
    }
    this.#feed(thread, { type: "local.started", epoch: frame.epoch ?? null, seq: frame.seq - 1 });
  }

  #refused(frame: ErrorFrame): void {
    if (frame.quota) this.status.patch({ quota: frame.quota });
    if (frame.id === undefined) {
      if (frame.thread && frame.code === "not_found") this.#feed(frame.thread, { type: "local.missing" });
      return;
    }
    const asked = this.#asked.get(frame.id);
    this.#asked.delete(frame.id);
    const thread = asked?.frame["thread"];
    if (frame.code === "not_found" && asked?.frame["type"] === "open" && typeof thread === "string") {
      this.#feed(thread, { type: "local.missing" });
    }
    asked?.reject(new Refused(frame.code, frame.message, frame.retry_after_ms ?? null));
  }

  #changedRole(role?: string, stages?: Record<string, number>): void {
    const user = this.status.value.user;
    if (user) this.status.patch({ user: { ...user, role: role ?? user.role, stages: stages ?? user.stages ?? {} } });
  }

  async #renewToken(): Promise<void> {
    const wire = this.#wire;
    try {
      const token = await this.#around.token();
      if (wire === this.#wire) await this.#ask({ type: "auth", token }, false);
    } catch {
      // The server closes with 4102 when the old token runs out; the reconnect then renews it.
    }
  }

  #diff(add: SessionRow[], update: SessionRow[], remove: string[]): void {
    const rows = { ...(this.sessions.value ?? {}) };
    for (const row of [...add, ...update]) rows[row.session] = { ...rows[row.session], ...row };
    for (const id of remove) delete rows[id];
    this.sessions.set(rows);
  }

  #begin(thread: string): void {
    this.#setThread({ ...emptyThread(thread), title: this.#titles.get(thread) ?? null });
  }

  #setThread(state: ThreadState): void {
    this.threads.set({ ...this.threads.value, [state.id]: state });
  }

  #feed(id: string, input: ThreadInput): void {
    const before = this.threads.value[id];
    if (!before) return;
    const after = apply(before, input);
    if (after === before) return;
    this.#setThread(after);
    if (after.seq !== before.seq) this.status.patch({ applied: this.status.value.applied + 1 });
    if (after.sync === "gap" && before.sync !== "gap") this.#resync(id, `an event did not continue seq ${before.seq}`);
    for (const turn of after.order) {
      const end = after.ended[turn];
      if (end?.verified === "pending" && before.ended[turn] !== end) void this.#verify(id, turn);
    }
  }

  /** The proof: our own text against the length and hash of `end`, and against the stored item. */
  async #verify(id: string, turn: string): Promise<void> {
    const state = this.threads.value[id];
    const end = state?.ended[turn];
    if (!state || !end) return;
    const item = end.item === null ? null : state.items.find((candidate) => candidate.id === end.item);
    const stored = item ? itemText(item) : end.text;
    let verdict = await verifyText(end.text, end.length, end.sha256);
    if (verdict === "true" && stored !== end.text) verdict = "false";
    this.#feed(id, { type: "local.verified", turn, verified: verdict });
    if (verdict !== "false" || this.#resynced.has(turn)) return;
    this.#resynced.add(turn);
    this.#resync(id, `the text of ${turn} does not match its length and hash`);
  }

  #resync(thread: string, why: string): void {
    console.error(`live: ${thread}: ${why}; asking for a snapshot`);
    if (this.status.value.phase !== "online") return;
    this.#ask({ type: "open", thread }, false).catch(() => undefined);
  }

  #ackSoon(): void {
    if (this.#ackTimer !== 0) return;
    this.#ackTimer = this.#around.setTimer(() => {
      this.#ackTimer = 0;
      const seqs: Record<string, number> = {};
      for (const thread of Object.values(this.threads.value)) if (thread.seq !== null) seqs[thread.id] = thread.seq;
      if (Object.keys(seqs).length > 0) this.#wire?.send({ type: "ack", seqs });
    }, 1_000);
  }
}
