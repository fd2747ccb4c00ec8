import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ready, readyFile } from "./person";

/** A demo server of a test's own, to be killed and started again on the same data and port. */
export class OwnServer {
  ready!: Ready;
  #folder = mkdtempSync(join(tmpdir(), "intellistack-live-"));
  #port = 0;
  #process: ChildProcess | null = null;

  static async start(): Promise<OwnServer> {
    const server = new OwnServer();
    server.#port = await freePort();
    await server.again();
    return server;
  }

  async again(): Promise<void> {
    const binary = process.env["INTELLISTACK_BIN"];
    if (!binary) throw new Error("INTELLISTACK_BIN must name the program: target/debug/intellistack");
    const file = join(this.#folder, "ready.json");
    rmSync(file, { force: true });
    const command = ["--data-dir", join(this.#folder, "data"), "serve", "--demo", "--listen", `127.0.0.1:${this.#port}`, "--ready-file", file];
    const child = spawn(binary, command, { stdio: "ignore" });
    this.#process = child;
    await new Promise<void>((ready, failed) => {
      const look = setInterval(() => {
        if (!existsSync(file)) return;
        clearInterval(look);
        ready();
      }, 20);
      child.once("exit", (code) => {
        clearInterval(look);
        failed(new Error(`the server ended with ${code}`));
      });
    });
    this.ready = readyFile(file);
  }

  /** SIGKILL: as if the machine lost its power. SIGTERM: a drain. */
  async stop(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await gone;
  }

  async remove(): Promise<void> {
    await this.stop("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}
