import { decode, encode } from "./codec";
import type { Incoming, Outgoing } from "./frames";
import { SUBPROTOCOL, TICKET_PREFIX } from "./frames";

/** What the client needs of the place it runs in, so that Node and tests can hand in their own. */
export interface Surroundings {
  url: string;
  /** A new ticket for each connection; rejects with `Refused("unauthorized")` when signed out. */
  ticket: () => Promise<string>;
  /** An access token for the renewal of a connection that stays. */
  token: () => Promise<string>;
  socket: (url: string, protocols: string[]) => WebSocket;
  /** Anywhere in 0..1. */
  random: () => number;
  /** Milliseconds that only go forward. */
  now: () => number;
  setTimer: (run: () => void, ms: number) => number;
  clearTimer: (timer: number) => void;
}

export interface Handlers {
  open: () => void;
  frames: (frames: Incoming[]) => void;
  /** The code, and what the Close frame says of it. */
  closed: (code: number, said: string) => void;
  /** How far the threads have come, for a heartbeat to carry. */
  seqs: () => Record<string, number> | null;
}

/** Nothing received for this long: say something; for longer: give the connection up. */
export const QUIET = 25_000;
export const DEAD = 35_000;
/** A heartbeat that comes so soon after ours is the answer to it, and is not answered. */
const ANSWERED = 5_000;

/** One WebSocket from upgrade to close: batches, heartbeats, and exactly one `closed`. */
export class Wire {
  #socket: WebSocket;
  #around: Surroundings;
  #handlers: Handlers;
  #outgoing: object[] = [];
  #flushing = false;
  #quiet = 0;
  #dead = 0;
  #beat = -Infinity;
  #over = false;

  constructor(around: Surroundings, ticket: string, handlers: Handlers) {
    this.#around = around;
    this.#handlers = handlers;
    this.#socket = around.socket(around.url, [SUBPROTOCOL, TICKET_PREFIX + ticket]);
    this.#socket.onopen = () => {
      this.#alive();
      handlers.open();
    };
    this.#socket.onmessage = (event: MessageEvent) => {
      this.#alive();
      this.#read(String(event.data));
    };
    this.#socket.onclose = (event: CloseEvent) => this.#finish(event.code, event.reason);
    // An upgrade that hangs is given up like a connection that fell silent.
    this.#alive();
  }

  /** Frames of one task leave as one message. */
  send(frame: Outgoing): void {
    this.#outgoing.push(frame);
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => this.flush());
  }

  flush(): void {
    this.#flushing = false;
    if (this.#over || this.#socket.readyState !== 1) return;
    for (const message of encode(this.#outgoing.splice(0))) this.#socket.send(message);
  }

  close(code: number): void {
    this.#socket.close(code);
    // A dead peer never answers the Close frame: the client goes on at once.
    this.#finish(code, "");
  }

  #read(message: string): void {
    const { frames, bad } = decode(message);
    if (bad > 0) console.error(`live: ${bad} unreadable line(s) from the server`);
    if (this.#over) return;
    if (frames.some((frame) => frame.type === "heartbeat") && this.#around.now() - this.#beat >= ANSWERED) this.#sendBeat();
    this.#handlers.frames(frames);
  }

  #sendBeat(): void {
    this.#beat = this.#around.now();
    const seqs = this.#handlers.seqs();
    this.send(seqs ? { type: "heartbeat", seqs } : { type: "heartbeat" });
  }

  #alive(): void {
    this.#around.clearTimer(this.#quiet);
    this.#around.clearTimer(this.#dead);
    if (this.#over) return;
    this.#quiet = this.#around.setTimer(() => this.#sendBeat(), QUIET);
    this.#dead = this.#around.setTimer(() => this.close(4302), DEAD);
  }

  #finish(code: number, said: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#around.clearTimer(this.#quiet);
    this.#around.clearTimer(this.#dead);
    this.#handlers.closed(code, said);
  }
}
