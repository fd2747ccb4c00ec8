import type { Surroundings } from "../src/live/socket";

type Frame = Record<string, unknown>;

/** The browser's side of a connection, in memory: sockets that a test opens, feeds and drops. */
export class FakeNet {
  sent: Frame[] = [];
  protocols: string[][] = [];
  /** Moves only when a test says so. */
  time = 0;
  ticket = () => Promise.resolve(`k${++this.#tickets}`);
  #tickets = 0;
  #timers = new Map<number, { run: () => void; ms: number }>();
  #nextTimer = 1;
  #socket: FakeSocket | null = null;

  readonly around: Surroundings = {
    url: "ws://test",
    ticket: () => this.ticket(),
    token: () => Promise.resolve("token-1"),
    random: () => 0.5,
    now: () => this.time,
    setTimer: (run, ms) => {
      this.#timers.set(this.#nextTimer, { run, ms });
      return this.#nextTimer++;
    },
    clearTimer: (timer) => void this.#timers.delete(timer),
    socket: (_url, protocols) => {
      this.protocols.push(protocols);
      this.#socket = new FakeSocket((text) => this.sent.push(...text.split("\n").map((line) => JSON.parse(line) as Frame)));
      return this.#socket as unknown as WebSocket;
    },
  };

  open(): void {
    if (!this.#socket) throw new Error("no socket");
    this.#socket.readyState = 1;
    this.#socket.onopen?.();
  }

  say(...frames: object[]): void {
    this.#socket?.onmessage?.({ data: frames.map((frame) => JSON.stringify(frame)).join("\n") });
  }

  drop(code: number, reason = ""): void {
    this.#socket?.onclose?.({ code, reason });
  }

  /** Runs the timers that are set now (of one length, if given), not those they set. */
  runTimers(ms?: number): void {
    for (const [id, timer] of [...this.#timers]) {
      if (ms !== undefined && timer.ms !== ms) continue;
      if (this.#timers.delete(id)) timer.run();
    }
  }

  last(type: string): Frame {
    const found = this.sent.filter((frame) => frame["type"] === type).at(-1);
    if (!found) throw new Error(`no ${type} was sent`);
    return found;
  }

  /** Lets promises and digests that are under way come to rest. */
  async settle(): Promise<void> {
    for (let round = 0; round < 5; round += 1) await new Promise((done) => setImmediate(done));
  }
}

class FakeSocket {
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  constructor(readonly send: (text: string) => void) {}
  close(): void {
    this.readyState = 3;
  }
}
