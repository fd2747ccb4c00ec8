import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { arrival } from "../app";
import { Browser, type Stop } from "../browser";
import { CALLBACK, ISSUER, SIGNED_OUT, createClient, newAccount, type Client } from "../target";

const here = new URL(".", import.meta.url).pathname;
const python = `${here}.venv/bin/python`;
const REQUIREMENTS = `${here}requirements.txt`;

/** Why Authlib cannot be had here; null once it is installed in a folder of its own. */
function missing(): string | null {
  const run = (command: string, ...given: string[]): string | null => {
    const { status, error, stderr, stdout } = spawnSync(command, given, { encoding: "utf8" });
    return status === 0 ? null : `${command} ${given.join(" ")}: ${error?.message ?? (stderr || stdout).trim().split("\n").at(-1)}`;
  };
  const installed = `${here}.venv/installed`;
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(REQUIREMENTS).mtimeMs) return null;
  return (
    run("python3", "-m", "venv", `${here}.venv`) ??
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS) ??
    run("touch", installed)
  );
}

const why = missing();
interface Line {
  open?: string;
  done?: string;
  [other: string]: unknown;
}

let app: ChildProcess | undefined;
let client: Client;
let email = "";
const done = new Map<string, Line>();
let fault = "";

beforeAll(async () => {
  if (why) return;
  const ada = await newAccount();
  [client, email] = [await createClient(), ada.email];
  const browser = new Browser();
  app = spawn(python, [`${here}app.py`], { env: { ...process.env, AUTHLIB_INSECURE_TRANSPORT: "1" }, stdio: ["pipe", "pipe", "pipe"] });
  app.stderr?.on("data", (piece: Buffer) => (fault += piece.toString()));
  const say = (what: unknown): unknown => app?.stdin?.write(`${JSON.stringify(what)}\n`);
  say({ issuer: ISSUER, client_id: client.client_id, client_secret: client["client_secret"], redirect_uri: CALLBACK, post_logout_redirect_uri: SIGNED_OUT });
  for await (const text of createInterface({ input: app.stdout! })) {
    const line = JSON.parse(text) as Line;
    if (line.done) done.set(line.done, line);
    if (line.open) say((arrival(await confirmed(browser, await browser.walk(line.open, { as: ada, consent: "accept" }))) as URL).href);
  }
});
afterAll(() => void app?.kill());

async function confirmed(browser: Browser, stop: Stop): Promise<Stop> {
  return stop.page?.has("#sign-out") ? browser.send(stop.page.press("#sign-out"), stop.page) : stop;
}

/** What the app said of a step; how it ended if it never got there. */
function step(name: string): Line {
  const found = done.get(name);
  if (!found) throw new Error(`Authlib never came to ${name}: ${fault.trim().split("\n").slice(-4).join("\n")}`);
  return found;
}

const withAuthlib = (name: string, check: () => void): void => test.skipIf(why)(`Authlib ${name}${why ? ` [left out: ${why}]` : ""}`, check);

withAuthlib("finds the server by its discovery document", () => expect(step("discovery")).toMatchObject({ issuer: ISSUER }));
withAuthlib("signs in with PKCE, and takes the ID token", () => expect(step("sign-in")).toMatchObject({ sub: expect.any(String), aud: client.client_id }));
withAuthlib("asks for the person", () => expect(step("userinfo")).toMatchObject({ sub: step("sign-in")["sub"], email }));
withAuthlib("refreshes, and gets another refresh token", () => expect(step("refresh")).toMatchObject({ rotated: true, again: step("sign-in")["sub"] }));
withAuthlib("introspects its token", () => expect(step("introspection")).toMatchObject({ active: true, client_id: client.client_id }));
withAuthlib("is refused with a used refresh token, which ends the others", () => expect(step("replay")).toMatchObject({ refused: "invalid_grant", active: false }));
withAuthlib("revokes its tokens", () => expect(step("revocation")).toMatchObject({ status: 200, active: false }));
withAuthlib("signs out and comes back with its state", () => {
  const { back, state } = step("logout");
  expect(back).toBe(`${SIGNED_OUT}?state=${state as string}`);
});
