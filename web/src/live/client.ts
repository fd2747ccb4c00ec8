import { planReconnect } from "./backoff";
import { Feeds } from "./feeds";
import type {
  Accepted, Action, Answers, Ask, Control, FeedName, Filter, Incoming, OkFrame, Opinion, Outgoing, Page, Refusal, Request, Welcome,
} from "./frames";
import { isLogEvent } from "./frames";
import { newMessageId } from "./ids";
import type { ThreadInput, ThreadState } from "./reducer";
import { Refused } from "./refused";
import { Requests } from "./requests";
import { type Surroundings, Wire } from "./socket";
import { STARTED, type Status, changedRole, noticed, welcomed } from "./status";
import { Store } from "./store";
import { Threads } from "./threads";
import { Typing, type Typists } from "./typing";

export interface SendOptions {
  /** Null starts a thread, and opens it here. */
  thread: string | null;
  messageId?: string;
  text: string;
  quote?: string | undefined;
  page?: Page | undefined;
}

/** The `client` of hello, for the server's log. */
const NAME = "web/0.2.0";
/** Acks go out at most this often. */
const ACK_SPACING = 1_000;

/** The live protocol for one signed-in window: one socket, any number of open threads and feeds. */
export class LiveClient {
  readonly status = new Store<Status>(STARTED);
  /** Told of titles, new threads and renames, from this window or another. */
  onThread: ((thread: string, title: string) => void) | null = null;
  /** Told of each log event and snapshot that was applied: for those who keep a record. */
  onApplied: ((before: ThreadState, after: ThreadState, input: ThreadInput) => void) | null = null;

  #around: Surroundings;
  #wire: Wire | null = null;
  #wanted = false;
  #attempt = 0;
  #timer = 0;
  #generation = 0;
  #stay: string | null;
  #page: Page | null = null;
  #ackTimer = 0;
  #resuming = new Set<string>();
  #requests = new Requests((frame) => this.#send(frame));
  #feeds = new Feeds();
  #typing: Typing;
  #threads = new Threads({
    resync: (thread, why) => this.#resync(thread, why),
    applied: (before, after, input) => this.#applied(before, after, input),
  });

  constructor(around: Surroundings, stay: string | null = null) {
    this.#around = around;
    this.#stay = stay;
    this.#typing = new Typing(around, (frame) => this.#send(frame));
  }

  /** Names this client over reconnects: keep it where the window's reload finds it. */
  get stay(): string | null {
    return this.#stay;
  }

  get threads(): Store<Readonly<Record<string, ThreadState>>> {
    return this.#threads.all;
  }

  get feeds(): Feeds["all"] {
    return this.#feeds.all;
  }

  /** Who else is writing in the threads that are open here. */
  get typists(): Store<Typists> {
    return this.#typing.others;
  }

  get #online(): boolean {
    return this.status.value.phase === "online";
  }

  connect(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#attempt = 0;
    this.#requests.wait();
    void this.#dial();
  }

  /** A reconnect now: the network came back, or the user asked. */
  retryNow(): void {
    if (!this.#wanted || this.status.value.phase !== "waiting") return;
    this.#around.clearTimer(this.#timer);
    void this.#dial();
  }

  /** Signs off and forgets everything, the stay too. */
  disconnect(): void {
    this.#wanted = false;
    this.#generation += 1;
    this.#around.clearTimer(this.#timer);
    this.#clearAck();
    const wire = this.#wire;
    this.#wire = null;
    wire?.close(1000);
    this.#requests.close(new Refused("offline", "Signed out."));
    this.#feeds.clear();
    this.#typing.clear();
    this.#threads.clear();
    this.#stay = null;
    this.status.set(STARTED);
  }

  /** Where the reader is: the tutor's context. */
  setPage(page: Page): void {
    this.#page = page;
    if (this.#online) this.#quietly({ type: "context", page });
  }

  send({ thread, messageId, text, quote, page }: SendOptions): Promise<Accepted> {
    const ask: Ask = { type: "send", message_id: messageId ?? newMessageId(), text };
    if (thread) ask.thread = thread;
    if (quote) ask.quote = quote;
    if (page) ask.page = page;
    return this.#requests.ask(ask, true);
  }

  /** Another wording of a question: it and all behind it leave, a new answer comes. */
  edit(item: string, text: string, messageId = newMessageId()): Promise<Accepted> {
    return this.#requests.ask({ type: "edit", item, text, message_id: messageId }, true);
  }

  /** Another answer to the newest question. `item` is the answer, or the question if it has none. */
  regenerate(item: string, messageId = newMessageId()): Promise<Accepted> {
    return this.#requests.ask({ type: "regenerate", item, message_id: messageId }, true);
  }

  /** One level more of help with the newest question. */
  hint(turn: string, messageId = newMessageId()): Promise<Accepted> {
    return this.#requests.ask({ type: "hint", turn, message_id: messageId }, true);
  }

  async feedback(item: string, kind: Opinion, reason?: string): Promise<void> {
    await this.#requests.ask(reason ? { type: "feedback", item, kind, reason } : { type: "feedback", item, kind }, true);
  }

  cancel(turn: string): Promise<Answers["cancel"]> {
    return this.#requests.ask({ type: "cancel", turn }, true);
  }

  /** What staff may do from the dashboard. Asked once: a lost connection ends it. */
  act(action: Action): Promise<{ audit: string }> {
    return this.#requests.ask(action);
  }

  /** Opens a thread here: the next connection resumes it by itself. */
  async open(thread: string): Promise<void> {
    const known = this.#threads.get(thread);
    if (known && known.sync === "live") return;
    this.#threads.begin(thread);
    if (this.#online) await this.#requests.ask({ type: "open", thread });
  }

  closeThread(thread: string): void {
    if (this.#threads.forget(thread) && this.#online) this.#quietly({ type: "close", thread });
  }

  async older(thread: string): Promise<void> {
    const before = this.#threads.get(thread)?.before;
    if (!before) return;
    const ok = await this.#requests.ask({ type: "history", thread, before, limit: 50 });
    this.#threads.feed(thread, { type: "local.history", items: ok.items, before: ok.before ?? null });
  }

  /** A title that this window gave: shown before the server tells it. */
  retitle(thread: string, title: string): void {
    this.#threads.retitle(thread, title);
  }

  /** Call it at each keystroke in a thread, and with `false` when the writing stopped. */
  typing(thread: string, on: boolean): void {
    if (this.#online) this.#typing.say(thread, on);
  }

  dismiss(notice: number): void {
    this.status.patch({ notices: this.status.value.notices.filter(({ key }) => key !== notice) });
  }

  /** Watches a feed until the returned function is called; again on each new connection. */
  watch(feed: FeedName, filter?: Filter): () => void {
    if (this.#feeds.want(feed, filter) && this.#online) this.#askFeed(feed);
    return () => this.#unwatch(feed);
  }

  #unwatch(feed: FeedName): void {
    if (this.#feeds.leave(feed) && this.#online) this.#quietly({ type: "unwatch", feed });
  }

  async #dial(): Promise<void> {
    const generation = ++this.#generation;
    this.status.patch({ phase: "connecting", reason: null });
    let ticket: string;
    try {
      ticket = await this.#around.ticket();
    } catch (error) {
      if (generation !== this.#generation) return;
      if (error instanceof Refused && error.code === "unauthorized") return this.#end("signed-out", "You are signed out.");
      return this.#lost(1006);
    }
    if (generation !== this.#generation || !this.#wanted) return;
    this.#wire = new Wire(this.#around, ticket, {
      open: () => this.#hello(),
      frames: (frames) => this.#receive(frames),
      seqs: () => this.#threads.unacked(),
      closed: (code, said) => {
        if (generation !== this.#generation) return;
        this.#wire = null;
        this.#lost(code, said);
      },
    });
  }

  #hello(): void {
    const resume = this.#threads.resume();
    this.#resuming = new Set(resume.map((entry) => entry.thread));
    const hello: Request & { id: number } = { type: "hello", id: this.#requests.nextId(), client: NAME, resume };
    if (this.#stay) hello.session = this.#stay;
    if (this.#page) hello.page = this.#page;
    this.#send(hello);
  }

  #lost(code: number, said = ""): void {
    this.#generation += 1;
    this.#clearAck();
    this.#typing.clear();
    this.#threads.detach();
    this.#requests.lost();
    if (!this.#wanted) return;
    const plan = planReconnect(code, this.#attempt, this.#around.random, said);
    if (plan.action === "stop") return this.#end("stopped", plan.reason);
    this.#attempt += 1;
    this.status.patch({ phase: "waiting", reason: null });
    this.#timer = this.#around.setTimer(() => void this.#dial(), plan.delay);
  }

  #end(phase: "stopped" | "signed-out", reason: string): void {
    this.#wanted = false;
    this.#requests.close(new Refused("closed", reason));
    this.status.patch({ phase, reason });
  }

  #send(frame: Outgoing): void {
    this.#wire?.send(frame);
  }

  /** What matters only while this connection lasts. */
  #quietly(ask: Ask): void {
    this.#requests.ask(ask).catch(() => undefined);
  }

  #askFeed(feed: FeedName): void {
    const filter = this.#feeds.all.value[feed]?.filter;
    this.#requests.ask(filter ? { type: "watch", feed, filter } : { type: "watch", feed }).catch((error: unknown) => {
      if (error instanceof Refused && error.code !== "offline") this.#feeds.refused(feed, error.message);
    });
  }

  #receive(frames: Incoming[]): void {
    for (const frame of frames) {
      if (isLogEvent(frame)) this.#threads.log(frame);
      else this.#control(frame);
    }
  }

  #control(frame: Control): void {
    switch (frame.type) {
      case "welcome":
        return this.#welcomed(frame);
      case "resumed":
      case "snapshot":
        return this.#threads.feed(frame.thread, frame);
      case "ok":
        return this.#answered(frame);
      case "error":
        return this.#refused(frame);
      case "auth":
        return void this.#renewToken();
      case "thread":
        this.#threads.retitle(frame.thread, frame.title);
        return this.onThread?.(frame.thread, frame.title);
      case "you":
        return this.status.set(changedRole(this.status.value, frame.role, frame.stages));
      case "presence":
        return this.status.patch({ windows: frame.sessions });
      case "notice":
        return this.status.set(noticed(this.status.value, frame));
      case "typing":
        return this.#typing.heard(frame);
      case "feed.snapshot":
        return this.#feeds.snapshot(frame);
      case "feed.diff":
        return this.#feeds.diff(frame);
      default:
        return;
    }
  }

  #welcomed(frame: Welcome): void {
    this.#attempt = 0;
    this.#stay = frame.session;
    this.status.set(welcomed(this.status.value, frame));
    this.#requests.open();
    // Opened while hello was under way: not in its list, so it has to be asked for.
    for (const thread of Object.keys(this.threads.value)) {
      if (!this.#resuming.has(thread)) this.#quietly({ type: "open", thread });
    }
    for (const feed of this.#feeds.names()) this.#askFeed(feed);
  }

  #answered(frame: OkFrame): void {
    const ask = this.#requests.answered(frame);
    if (frame.quota) this.status.patch({ quota: frame.quota });
    if (ask?.type === "send") this.#started(frame as unknown as Accepted);
  }

  /** A thread that our own send began: its log starts with our message. */
  #started({ thread, epoch, seq, duplicate }: Accepted): void {
    if (this.#threads.get(thread)) return;
    this.#threads.begin(thread);
    // Answered on an earlier connection: this one has not opened the thread yet.
    if (duplicate) return this.#quietly({ type: "open", thread });
    this.#threads.feed(thread, { type: "local.started", epoch: epoch ?? null, seq: seq - 1 });
  }

  #refused(frame: Refusal): void {
    const ask = this.#requests.refused(frame);
    if (frame.quota) this.status.patch({ quota: frame.quota });
    if (frame.code !== "not_found") return;
    const thread = ask?.type === "open" ? ask.thread : frame.id === undefined ? frame.thread : undefined;
    if (thread !== undefined) this.#threads.feed(thread, { type: "local.missing" });
  }

  async #renewToken(): Promise<void> {
    const wire = this.#wire;
    try {
      const token = await this.#around.token();
      if (wire === this.#wire) await this.#requests.ask({ type: "auth", token });
    } catch {
      // The server closes with 4102 when the old token runs out; the reconnect then renews it.
    }
  }

  #applied(before: ThreadState, after: ThreadState, input: ThreadInput): void {
    this.status.patch({ applied: this.status.value.applied + 1 });
    this.#ackSoon();
    this.onApplied?.(before, after, input);
  }

  #resync(thread: string, why: string): void {
    console.error(`live: ${thread}: ${why}; asking for a snapshot`);
    if (this.#online) this.#quietly({ type: "open", thread });
  }

  #ackSoon(): void {
    if (this.#ackTimer !== 0) return;
    this.#ackTimer = this.#around.setTimer(() => {
      this.#ackTimer = 0;
      const seqs = this.#threads.unacked();
      if (seqs) this.#send({ type: "ack", seqs });
    }, ACK_SPACING);
  }

  #clearAck(): void {
    this.#around.clearTimer(this.#ackTimer);
    this.#ackTimer = 0;
  }
}
