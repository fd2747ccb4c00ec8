// Runs the client's tests against the peer, in memory: what passes there is what the client expects.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const here = new URL(".", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "better-auth-"));
const started = [];

/** Starts a script and waits for its ready file. */
async function start(script, ...more) {
  const file = join(folder, `${started.length}.json`);
  // It says each refusal that the tests provoke; its own failure shows as its end.
  const child = spawn(process.execPath, [join(here, script), "--ready-file", file, ...more], { stdio: "ignore", env: { ...process.env, NODE_ENV: "production" } });
  started.push(child);
  while (!existsSync(file)) {
    if (child.exitCode !== null) throw new Error(`${script} ended with ${child.exitCode}`);
    await new Promise((later) => setTimeout(later, 50));
  }
  return { file, url: JSON.parse(readFileSync(file, "utf8")).url };
}

try {
  const provider = await start("../provider.mjs", "--google-issuer", "https://accounts.google.com");
  const { file } = await start("server.mjs", "--social", provider.url);
  const env = { ...process.env, INTELLISTACK_READY: file, INTELLISTACK_SOCIAL: provider.url };
  const command = ["vitest", "run", "--config", "vitest.auth.config.ts", ...process.argv.slice(2)];
  const tests = spawn("npx", command, { stdio: "inherit", env, cwd: join(here, "../..") });
  process.exitCode = await new Promise((done) => tests.once("exit", (code) => done(code ?? 1)));
} finally {
  for (const child of started) child.kill();
  rmSync(folder, { recursive: true, force: true });
}
