// The peer: npm's better-auth, set up as our contract describes it, behind the ready file and the
// /dev/mail.json that our demo server has too. With DATABASE_URL its data is in PostgreSQL, in a
// database that it makes (`npm ci` in this folder brings the driver), without in memory.
//
//   node server.mjs --ready-file FILE [--social URL_OF_THE_SCRIPTED_PROVIDER]
//
// For the measurements --accounts N makes so many students instead of the three demo accounts, and
// --no-jwt-header spares it the token that the jwt plugin signs for each get-session.
import { createServer } from "node:http";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { admin, bearer, jwt, twoFactor } from "better-auth/plugins";

const { values: options } = parseArgs({
  options: { "ready-file": { type: "string" }, social: { type: "string" }, accounts: { type: "string" }, "no-jwt-header": { type: "boolean" } },
});

const mails = [];
function post(to, kind, text) {
  mails.unshift({ to, kind, subject: kind, links: text.match(/https?:\/\/\S+/g) ?? [], text, at: new Date().toISOString() });
}

// The client's own endpoints of Google and GitHub cannot be set: their hosts lead to the script.
if (options.social) {
  const hosts = { "oauth2.googleapis.com": "google", "www.googleapis.com": "google", "github.com": "github", "api.github.com": "github" };
  const real = globalThis.fetch;
  globalThis.fetch = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const provider = hosts[url.hostname];
    if (!provider) return real(input, init);
    const there = `${options.social}/${provider}${url.pathname}${url.search}`;
    return real(input instanceof Request ? new Request(there, input) : there, init);
  };
}

async function database() {
  if (process.env.DATABASE_URL) {
    const { default: pg } = await import("pg");
    const own = new URL(process.env.DATABASE_URL);
    const name = own.pathname.slice(1);
    own.pathname = "/postgres";
    const first = new pg.Client({ connectionString: own.href });
    await first.connect();
    await first.query(`create database ${pg.escapeIdentifier(name)}`);
    await first.end();
    return new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 16 });
  }
  const tables = ["user", "session", "account", "verification", "jwks", "twoFactor", "passkey"];
  return memoryAdapter(Object.fromEntries(tables.map((table) => [table, []])));
}

/** The passkey plugin is in reference/package.json, and left out where that is not installed. */
async function passkeys() {
  const found = await import("@better-auth/passkey").catch(() => null);
  return found ? [found.passkey({ rpID: "localhost", rpName: "Reference", origin: url })] : [];
}

const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const url = `http://localhost:${server.address().port}`;

const auth = betterAuth({
  baseURL: url,
  secret: randomBytes(32).toString("hex"),
  database: await database(),
  telemetry: { enabled: false },
  logger: { level: "error" },
  rateLimit: { enabled: false },
  emailAndPassword: {
    enabled: true,
    minPasswordLength: 12,
    revokeSessionsOnPasswordReset: true,
    sendResetPassword: async ({ user, url }) => post(user.email, "reset-password", url),
  },
  emailVerification: {
    sendOnSignUp: true,
    sendVerificationEmail: async ({ user, url }) => post(user.email, "verify-email", url),
  },
  user: {
    changeEmail: {
      enabled: true,
      sendChangeEmailConfirmation: async ({ user, url }) => post(user.email, "change-email", url),
    },
    deleteUser: { enabled: true },
  },
  socialProviders: options.social
    ? {
        google: { clientId: "google-client", clientSecret: "google-secret" },
        github: { clientId: "github-client", clientSecret: "github-secret" },
      }
    : {},
  // As PostgreSQL has them; the memory leaves out what was not given.
  databaseHooks: { user: { create: { before: async (user) => ({ data: { banReason: null, banExpires: null, ...user, image: user.image ?? null } }) } } },
  plugins: [jwt({ jwks: { keyPairConfig: { alg: "RS256" } }, disableSettingJwtHeader: options["no-jwt-header"] === true }), bearer(), admin({ defaultRole: "student" }), twoFactor(), ...(await passkeys())],
});
const context = await auth.$context;
if (process.env.DATABASE_URL) await (await getMigrations(auth.options)).runMigrations();

async function account(email, role) {
  const password = `${randomBytes(12).toString("base64url")}-Aa1`;
  const { user } = await auth.api.createUser({ body: { email, password, name: role, role } });
  await context.internalAdapter.updateUser(user.id, { emailVerified: true });
  return { email, password, role };
}

const accounts = [];
if (options.accounts) {
  for (let n = 0; n < Number(options.accounts); n += 1) accounts.push(await account(`p${n}@load.example`, "student"));
} else {
  for (const role of ["student", "instructor", "admin"]) accounts.push(await account(`${role}@demo.example`, role));
}

const handler = toNodeHandler(auth);
server.on("request", (request, response) => {
  const { pathname, searchParams } = new URL(request.url, url);
  if (pathname.startsWith("/api/auth/")) return handler(request, response);
  if (pathname !== "/dev/mail.json") return response.writeHead(pathname === "/healthz" ? 200 : 404).end();
  const [to, kind] = [searchParams.get("to")?.toLowerCase(), searchParams.get("kind")];
  const found = mails.filter((mail) => (!to || mail.to === to) && (!kind || mail.kind === kind));
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(found));
});

const ready = { url, pid: process.pid, peer: `better-auth ${context.version}`, accounts };
if (options["ready-file"]) writeFileSync(options["ready-file"], JSON.stringify(ready));
console.log(`${ready.peer} is ready: ${url}`);
