import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  method: string;
  path: string;
  type: string;
  form: URLSearchParams;
}

/** An app's server on loopback, which keeps what is posted to it: where a logout token arrives. */
export class Receiver {
  readonly received: Received[] = [];
  readonly #server: Server;
  #heard: (() => void)[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<Receiver> {
    const server = createServer();
    const receiver = new Receiver(server);
    server.on("request", (request: IncomingMessage, response) => {
      let body = "";
      request.on("data", (piece: Buffer) => (body += piece.toString()));
      request.on("end", () => {
        const { method = "", url = "/", headers } = request;
        receiver.received.push({ method, path: url, type: headers["content-type"] ?? "", form: new URLSearchParams(body) });
        for (const heard of receiver.#heard.splice(0)) heard();
        response.writeHead(200, { "cache-control": "no-store" }).end();
      });
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/backchannel`;
  }

  /** The first so many, once they have arrived. */
  async first(count: number, patience = 10_000): Promise<Received[]> {
    const until = Date.now() + patience;
    while (this.received.length < count) {
      const left = until - Date.now();
      if (left <= 0) throw new Error(`${this.received.length} of ${count} arrived in ${patience} ms`);
      await Promise.race([new Promise<void>((heard) => this.#heard.push(heard)), new Promise((late) => setTimeout(late, left))]);
    }
    return this.received.slice(0, count);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
