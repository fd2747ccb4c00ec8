import type { FrameOf, Outgoing } from "./frames";
import type { Surroundings } from "./socket";
import { Store } from "./store";

/** How long a sign of typing holds, and how often one may be sent. */
const LIVES = 6_000;
const SPACING = 2_000;

/** Who else is writing, by thread: user ids with their names. */
export type Typists = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Signs of typing, both ways. They may be lost: each holds for six seconds. */
export class Typing {
  readonly others = new Store<Typists>({});
  #around: Surroundings;
  #send: (frame: Outgoing) => void;
  #ends = new Map<string, number>();
  /** What was last said of each thread, and when. */
  #said = new Map<string, { on: boolean; at: number }>();
  /** An `off` that waits for its time. */
  #late = 0;

  constructor(around: Surroundings, send: (frame: Outgoing) => void) {
    this.#around = around;
    this.#send = send;
  }

  heard({ thread, user, name, on }: FrameOf<"typing">): void {
    const key = `${thread} ${user}`;
    this.#around.clearTimer(this.#ends.get(key) ?? 0);
    this.#ends.delete(key);
    if (on) this.#ends.set(key, this.#around.setTimer(() => this.#put(thread, user, null), LIVES));
    this.#put(thread, user, on ? name : null);
  }

  /** Call it at every keystroke: it says so at most every two seconds. */
  say(thread: string, on: boolean): void {
    this.#around.clearTimer(this.#late);
    const last = this.#said.get(thread);
    if (!on && !last?.on) return;
    const wait = last ? last.at + SPACING - this.#around.now() : 0;
    if (wait <= 0) {
      this.#said.set(thread, { on, at: this.#around.now() });
      this.#send({ type: "typing", thread, on });
    } else if (!on) {
      this.#late = this.#around.setTimer(() => this.say(thread, false), wait);
    }
  }

  /** The connection is gone, and with it whoever was writing. */
  clear(): void {
    this.#around.clearTimer(this.#late);
    for (const timer of this.#ends.values()) this.#around.clearTimer(timer);
    this.#ends.clear();
    this.#said.clear();
    this.others.set({});
  }

  #put(thread: string, user: string, name: string | null): void {
    const there = { ...this.others.value[thread] };
    if (name === null) delete there[user];
    else there[user] = name;
    this.others.set({ ...this.others.value, [thread]: there });
  }
}
