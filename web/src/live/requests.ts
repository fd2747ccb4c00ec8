import type { Answers, Ask, OkFrame, Outgoing, Refusal } from "./frames";
import { Refused } from "./refused";

interface Asked {
  ask: Ask;
  /** Idempotent requests are asked again on the next connection. */
  again: boolean;
  resolve: (ok: never) => void;
  reject: (error: Refused) => void;
}

/**
 * The requests of one client: each gets one answer, over however many connections it takes.
 * `open` while there is a connection that may be asked, `closed` once there will be none.
 */
export class Requests {
  #send: (frame: Outgoing) => void;
  #state: "closed" | "waiting" | "open" = "closed";
  #next = 1;
  #asked = new Map<number, Asked>();
  #held: Asked[] = [];

  constructor(send: (frame: Outgoing) => void) {
    this.#send = send;
  }

  nextId(): number {
    return this.#next++;
  }

  /** `again`: a repeat does no harm, so a lost connection does not end it. */
  ask<A extends Ask>(ask: A, again = false): Promise<Answers[A["type"]]> {
    return new Promise((resolve, reject) => {
      const asked: Asked = { ask, again, resolve, reject };
      if (this.#state === "open") this.#put(asked);
      else if (again && this.#state === "waiting") this.#held.push(asked);
      else reject(new Refused("offline", "There is no connection at the moment."));
    });
  }

  /** A connection is wanted, so what may be asked again is kept for it. */
  wait(): void {
    this.#state = "waiting";
  }

  open(): void {
    this.#state = "open";
    for (const asked of this.#held.splice(0)) this.#put(asked);
  }

  /** The connection is gone: what may be asked again waits for the next one. */
  lost(): void {
    this.#state = "waiting";
    const kept: Asked[] = [];
    for (const asked of this.#asked.values()) {
      if (asked.again) kept.push(asked);
      else asked.reject(new Refused("offline", "The connection was lost."));
    }
    this.#asked.clear();
    this.#held.unshift(...kept);
  }

  /** There will be no further connection. */
  close(why: Refused): void {
    this.#state = "closed";
    for (const asked of [...this.#asked.values(), ...this.#held]) asked.reject(why);
    this.#asked.clear();
    this.#held = [];
  }

  /** Settles the request that an `ok` answers, and says which it was. */
  answered(frame: OkFrame): Ask | null {
    const asked = this.#take(frame.id);
    asked?.resolve(frame as never);
    return asked?.ask ?? null;
  }

  refused(frame: Refusal): Ask | null {
    const asked = frame.id === undefined ? null : this.#take(frame.id);
    asked?.reject(new Refused(frame.code, frame.message, frame.retry_after_ms ?? null));
    return asked?.ask ?? null;
  }

  #take(id: number): Asked | null {
    const asked = this.#asked.get(id) ?? null;
    this.#asked.delete(id);
    return asked;
  }

  #put(asked: Asked): void {
    const id = this.nextId();
    this.#asked.set(id, asked);
    this.#send({ ...asked.ask, id });
  }
}
