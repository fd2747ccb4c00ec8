import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { WebSocket as NodeSocket } from "ws";
import { Refused } from "../src/live/refused";
import type { Surroundings } from "../src/live/socket";

export interface Ready {
  url: string;
  pid: number;
  accounts: { email: string; password: string; role: string }[];
}

export function readyFile(path: string | undefined): Ready {
  if (!path) throw new Error("INTELLISTACK_READY must name the ready file of: intellistack serve --demo --ready-file FILE");
  return JSON.parse(readFileSync(path, "utf8")) as Ready;
}

/** Node's, with a place to look on each new socket. */
export interface NodeSurroundings extends Surroundings {
  onSocket: ((socket: NodeSocket) => void) | null;
}

const PASSWORD = "Otter-Lamp42!-Quiet";

/** Somebody with a sign-in at a server, and what the live client needs of them. */
export class Person {
  #base: string;
  #cookie = "";
  /** What was put in place of the next ticket. */
  nextTicket: string | null = null;
  /** The delays that the client asked for, in order. */
  readonly timers: number[] = [];

  constructor(base: string) {
    this.#base = base.replace(/\/$/, "");
  }

  /** A new learner with a confirmed address. */
  static async learner(base: string, name = "Ada"): Promise<Person> {
    const person = new Person(base);
    const email = `${name.toLowerCase()}.${randomBytes(6).toString("hex")}@example.test`;
    await person.#call("POST", "/api/auth/sign-up/email", { name, email, password: PASSWORD, callbackURL: "/" });
    const mails = await (await person.#call("GET", `/dev/mail.json?to=${encodeURIComponent(email)}&kind=verify-email`)).json();
    const link = (mails as { links: string[] }[])[0]?.links.find((found) => found.includes("verify-email"));
    if (!link) throw new Error(`no mail for ${email}`);
    await person.#call("GET", link.slice(new URL(link).origin.length));
    return person;
  }

  static async demo(ready: Ready, role: string): Promise<Person> {
    const account = ready.accounts.find((entry) => entry.role === role);
    if (!account) throw new Error(`the ready file has no ${role}`);
    const person = new Person(ready.url);
    await person.#call("POST", "/api/auth/sign-in/email", { email: account.email, password: account.password });
    return person;
  }

  signOut(): Promise<Response> {
    return this.#call("POST", "/api/auth/sign-out", {});
  }

  async ticket(): Promise<string> {
    const instead = this.nextTicket;
    this.nextTicket = null;
    if (instead !== null) return instead;
    return ((await (await this.#call("POST", "/api/v1/live/ticket", {})).json()) as { ticket: string }).ticket;
  }

  async token(): Promise<string> {
    return ((await (await this.#call("GET", "/api/auth/token")).json()) as { token: string }).token;
  }

  async firstLesson(): Promise<{ course: string; lesson: string }> {
    const { courses } = (await (await this.#call("GET", "/api/v1/courses")).json()) as { courses: { id: string; lessons: { id: string }[] }[] };
    const course = courses.find((entry) => entry.lessons.length > 0);
    const lesson = course?.lessons[0];
    if (!course || !lesson) throw new Error("there is no course with a lesson");
    return { course: course.id, lesson: lesson.id };
  }

  /** Node in place of the browser; `at` is the host and port to dial, a proxy's for instance. */
  around(random: () => number, at = new URL(this.#base).host, scale: (ms: number) => number = (ms) => ms): NodeSurroundings {
    const around: NodeSurroundings = {
      onSocket: null,
      url: `ws://${at}/api/v1/live`,
      ticket: () => this.ticket(),
      token: () => this.token(),
      socket: (url, protocols) => {
        const socket = new NodeSocket(url, protocols, { origin: this.#base });
        // A cut road is no fault of the test: `onclose` comes after it.
        socket.on("error", () => undefined);
        around.onSocket?.(socket);
        return socket as unknown as WebSocket;
      },
      random,
      now: () => performance.now(),
      setTimer: (run, ms) => {
        this.timers.push(ms);
        return Number(setTimeout(run, scale(ms)));
      },
      clearTimer: (timer) => clearTimeout(timer),
    };
    return around;
  }

  async #call(method: string, path: string, body?: unknown): Promise<Response> {
    const headers: Record<string, string> = { origin: this.#base, "sec-fetch-mode": "cors" };
    if (this.#cookie) headers["cookie"] = this.#cookie;
    if (body !== undefined) headers["content-type"] = "application/json";
    const init: RequestInit = { method, headers, redirect: "manual" };
    if (body !== undefined) init.body = JSON.stringify(body);
    const response = await fetch(this.#base + path, init);
    if (response.status === 401) throw new Refused("unauthorized", "signed out");
    if (response.status >= 400) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    this.#keep(response.headers.getSetCookie());
    return response;
  }

  #keep(set: string[]): void {
    const jar = new Map(this.#cookie.split("; ").filter(Boolean).map((pair) => [pair.slice(0, pair.indexOf("=")), pair]));
    for (const cookie of set) {
      const pair = cookie.split(";", 1)[0] ?? "";
      jar.set(pair.slice(0, pair.indexOf("=")), pair);
    }
    this.#cookie = [...jar.values()].join("; ");
  }
}
