import { PROTOCOL, decode, encode } from "./codec";
import type { Incoming } from "./frames";

/** What the client needs of the browser, so that tests can hand in their own. */
export interface Surroundings {
  url: string;
  ticket: () => Promise<string>;
  token: () => Promise<string>;
  socket: (url: string, protocols: string[]) => WebSocket;
  random: () => number;
  setTimer: (run: () => void, ms: number) => number;
  clearTimer: (timer: number) => void;
}

export interface Handlers {
  open: () => void;
  frames: (frames: Incoming[]) => void;
  closed: (code: number) => void;
}

/** Nothing received for this long: say something; for longer: give the connection up. */
export const QUIET = 25_000;
export const DEAD = 35_000;

/** One WebSocket from upgrade to close: batches, heartbeats, and exactly one `closed`. */
export class Wire {
  #socket: WebSocket;
  #around: Surroundings;
  #handlers: Handlers;
  #outgoing: object[] = [];
  #flushing = false;
  #quiet = 0;
  #dead = 0;
  #over = false;

  constructor(around: Surroundings, ticket: string, handlers: Handlers) {
    this.#around = around;
    this.#handlers = handlers;
    this.#socket = around.socket(around.url, [PROTOCOL, `tutor.ticket.${ticket}`]);
    this.#socket.onopen = () => {
      this.#alive();
      handlers.open();
    };
    this.#socket.onmessage = (event: MessageEvent) => {
      this.#alive();
      const { frames, bad } = decode(String(event.data));
      if (bad > 0) console.error(`live: ${bad} unreadable line(s) from the server`);
      if (!this.#over) handlers.frames(frames);
    };
    this.#socket.onclose = (event: CloseEvent) => this.#finish(event.code);
  }

  /** Frames of one task leave as one message. */
  send(frame: object): void {
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
    this.#finish(code);
  }

  #alive(): void {
    this.#around.clearTimer(this.#quiet);
    this.#around.clearTimer(this.#dead);
    if (this.#over) return;
    this.#quiet = this.#around.setTimer(() => this.send({ type: "heartbeat" }), QUIET);
    this.#dead = this.#around.setTimer(() => this.close(4302), DEAD);
  }

  #finish(code: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#around.clearTimer(this.#quiet);
    this.#around.clearTimer(this.#dead);
    this.#handlers.closed(code);
  }
}
