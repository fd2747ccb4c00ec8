// Runs the tests against npm's oidc-provider, in memory: what passes there is what the libraries expect.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const here = new URL(".", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "oidc-provider-"));
const file = join(folder, "ready.json");
const server = spawn(process.execPath, [join(here, "server.mjs"), "--ready-file", file], { stdio: ["ignore", "ignore", process.env.REFERENCE_LOG ? "inherit" : "ignore"] });

try {
  while (!existsSync(file)) {
    if (server.exitCode !== null) throw new Error(`the reference ended with ${server.exitCode}: run npm ci in ${here}`);
    await new Promise((later) => setTimeout(later, 50));
  }
  const command = ["vitest", "run", "--config", "vitest.oidc.config.ts", ...process.argv.slice(2)];
  const tests = spawn("npx", command, { stdio: "inherit", env: { ...process.env, INTELLISTACK_READY: file }, cwd: join(here, "../..") });
  process.exitCode = await new Promise((done) => tests.once("exit", (code) => done(code ?? 1)));
} finally {
  server.kill();
  rmSync(folder, { recursive: true, force: true });
}
