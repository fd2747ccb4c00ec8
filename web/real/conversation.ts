import { LiveClient } from "../src/live/client";
import type { Accepted, Page } from "../src/live/frames";
import type { Ended } from "../src/live/reducer";
import { History } from "./history";
import type { Person } from "./person";
import type { LossyProxy } from "./proxy";
import { between } from "./seed";
import { begun, ended, online } from "./wait";

export const QUESTIONS = [
  "What is the main idea of this lesson?",
  "Give me an example to think about.",
  "Why does that follow?",
  "What should I be able to explain now?",
];

/** One client in one thread on a lossy road, and the record of what it applied. */
export class Conversation {
  readonly client: LiveClient;
  readonly history: History;
  readonly turns: string[] = [];
  thread: string | null = null;
  #random: () => number;
  #proxy: LossyProxy;
  #page: Page;

  constructor(person: Person, proxy: LossyProxy, page: Page, random: () => number, scale?: (ms: number) => number) {
    const around = person.around(random, proxy.address, scale);
    this.client = new LiveClient(around);
    this.history = new History(this.client);
    this.history.listen(around);
    this.#random = random;
    this.#proxy = proxy;
    this.#page = page;
    this.client.setPage(page);
    this.client.connect();
  }

  async ask(text: string): Promise<Ended> {
    return this.#answered(await this.client.send({ thread: this.thread, text, page: this.#page }));
  }

  /** Cuts the road in the middle of the answer, stops it, and reads its end. */
  async askAndStop(text: string): Promise<Ended> {
    const ok = await this.client.send({ thread: this.thread, text, page: this.#page });
    await begun(this.client, ok.thread, ok.turn, 1);
    this.#proxy.cut();
    await this.client.cancel(ok.turn);
    return this.#answered(ok);
  }

  async hint(turn: string): Promise<Ended> {
    return this.#answered(await this.client.hint(turn));
  }

  async regenerate(item: string): Promise<Ended> {
    return this.#answered(await this.client.regenerate(item));
  }

  async edit(item: string, text: string): Promise<Ended> {
    return this.#answered(await this.client.edit(item, text));
  }

  /** Nothing is under way: after the cut, nothing was missed. */
  async cutAtRest(): Promise<void> {
    await online(this.client);
    this.#proxy.cut();
    await this.history.resumedAs("current");
  }

  /** The ids of the items as they stand, by what they are. */
  items(kind: "user_message" | "assistant_message"): string[] {
    const thread = this.thread === null ? undefined : this.client.threads.value[this.thread];
    return (thread?.items ?? []).filter((item) => item.type === kind).map((item) => item.id);
  }

  question(): string {
    return QUESTIONS[between(this.#random, 0, QUESTIONS.length - 1)] ?? "Why?";
  }

  /** What was not as promised; empty is good. */
  check(): string[] {
    const broken = this.history.check(this.turns);
    const thread = this.thread === null ? undefined : this.client.threads.value[this.thread];
    for (const turn of this.turns) {
      const verdict = thread?.ended[turn]?.verified;
      if (verdict !== "true" && !this.history.wasProven(turn)) broken.push(`${turn}: the client's own proof says ${verdict}`);
    }
    return broken;
  }

  close(): void {
    this.client.disconnect();
  }

  async #answered(ok: Accepted): Promise<Ended> {
    this.thread = ok.thread;
    this.turns.push(ok.turn);
    return ended(this.client, ok.thread, ok.turn);
  }
}
