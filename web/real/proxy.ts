import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";
import { between, seeded } from "./seed";

/** What one connection suffers; null for none of it. */
interface Plan {
  /** Cut after so many bytes to the client. */
  cutAfter: number | null;
  /** Hold everything back for a while after so many bytes to the client. */
  stallAfter: number | null;
  /** Bytes of one write: 1 splits at every byte. */
  piece: number | null;
  /** Milliseconds that a write may be late. */
  late: number;
}

const WHOLE: Plan = { cutAfter: null, stallAfter: null, piece: null, late: 0 };

/** A road to the server on which connections are cut, held up and torn into pieces, by a seed. */
export class LossyProxy {
  readonly counted = { connections: 0, cuts: 0, stalls: 0, torn: 0 };
  #server: Server;
  #target: URL;
  #random: () => number;
  #lossy: number;
  #open = new Set<Link>();

  private constructor(server: Server, target: URL, seed: number, lossy: number) {
    this.#server = server;
    this.#target = target;
    this.#random = seeded(seed);
    this.#lossy = lossy;
    server.on("connection", (client) => this.#accept(client));
  }

  /** The first `lossy` connections suffer; later ones do not, so that everything comes to its end. */
  static async to(target: string, { seed, lossy }: { seed: number; lossy: number }): Promise<LossyProxy> {
    const server = createServer();
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    return new LossyProxy(server, new URL(target), seed, lossy);
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Cuts all connections that are open now. */
  cut(): void {
    for (const link of this.#open) link.cut();
  }

  /** The open connections stay open, and nothing comes through any more. */
  freeze(): void {
    for (const link of this.#open) link.freeze();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((done) => this.#server.close(done));
  }

  #accept(client: Socket): void {
    this.counted.connections += 1;
    const plan = this.counted.connections <= this.#lossy ? this.#plan() : WHOLE;
    if (plan.piece !== null) this.counted.torn += 1;
    const link = new Link(client, connect(Number(this.#target.port), "127.0.0.1"), plan, this.#random, this.counted);
    this.#open.add(link);
    client.once("close", () => this.#open.delete(link));
  }

  #plan(): Plan {
    const random = this.#random;
    return {
      cutAfter: random() < 0.8 ? between(random, 500, 6_000) : null,
      stallAfter: random() < 0.3 ? between(random, 300, 3_000) : null,
      piece: random() < 0.25 ? 1 : random() < 0.5 ? between(random, 2, 200) : null,
      late: random() < 0.5 ? between(random, 1, 15) : 0,
    };
  }
}

/** One connection: two sockets, and what happens between them. */
class Link {
  #client: Socket;
  #server: Socket;
  #plan: Plan;
  #random: () => number;
  #counted: LossyProxy["counted"];
  #passed = 0;
  #frozen = false;
  #stalled = false;

  constructor(client: Socket, server: Socket, plan: Plan, random: () => number, counted: LossyProxy["counted"]) {
    this.#client = client;
    this.#server = server;
    this.#plan = plan;
    this.#random = random;
    this.#counted = counted;
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", () => this.#destroy());
      socket.on("close", () => this.#destroy());
    }
    void this.#pass(client, server, false);
    void this.#pass(server, client, true);
  }

  cut(): void {
    this.#counted.cuts += 1;
    this.#destroy();
  }

  freeze(): void {
    this.#frozen = true;
  }

  #destroy(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  async #pass(from: Socket, to: Socket, toClient: boolean): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        for (const piece of this.#pieces(chunk)) {
          if (!(await this.#deliver(piece, to, toClient))) return;
        }
      }
      to.end();
    } catch {
      // One side is gone: `error` and `close` end the other.
    }
  }

  *#pieces(chunk: Buffer): Generator<Buffer> {
    const size = this.#plan.piece ?? chunk.length;
    for (let at = 0; at < chunk.length; at += size) yield chunk.subarray(at, at + size);
  }

  /** False once the connection is cut. */
  async #deliver(piece: Buffer, to: Socket, toClient: boolean): Promise<boolean> {
    const { cutAfter, stallAfter, late } = this.#plan;
    if (this.#frozen) return true;
    if (late > 0 && this.#random() < 0.1) await pause(between(this.#random, 1, late));
    if (toClient) this.#passed += piece.length;
    if (cutAfter !== null && this.#passed >= cutAfter) {
      // What was written last may or may not have arrived: here it does not.
      this.cut();
      return false;
    }
    if (stallAfter !== null && !this.#stalled && this.#passed >= stallAfter) {
      this.#stalled = true;
      this.#counted.stalls += 1;
      await pause(between(this.#random, 100, 900));
    }
    if (to.destroyed) return false;
    to.write(piece);
    // Each piece leaves as a write of its own.
    if (this.#plan.piece !== null) await new Promise((next) => setImmediate(next));
    return true;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
