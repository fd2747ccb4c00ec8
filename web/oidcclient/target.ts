// The one place that knows which server is tested, how to get a client of it and who can sign in.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Account {
  email: string;
  password: string;
}

interface Ready {
  url: string;
  /** Only the reference has one: what it is. */
  peer?: string;
  accounts: (Account & { role: string })[];
}

const path = process.env["INTELLISTACK_READY"];
if (!path) throw new Error("INTELLISTACK_READY must name the ready file of: intellistack serve --demo --ready-file FILE");
const ready = JSON.parse(readFileSync(path, "utf8")) as Ready;

export const BASE = ready.url.replace(/\/$/, "");
export const ISSUER = `${BASE}/api/auth`;
/** These tests run against npm's oidc-provider, to learn what the libraries expect. */
export const PEER = ready.peer !== undefined;
/** The one resource that every server here has: the chat's own API, behind scope `tutor`. */
export const API = `${BASE}/api`;
/** Nobody is there: the browser of the tests stops before it. */
export const CALLBACK = "https://rp.example/callback";
export const SIGNED_OUT = "https://rp.example/signed-out";
const PASSWORD = "Otter-Lamp42!-Quiet";

export function demo(role: string): Account {
  const found = ready.accounts.find((entry) => entry.role === role);
  if (!found) throw new Error(`the ready file has no ${role}`);
  return found;
}

/** Metadata of RFC 7591, and what the command line alone may set. */
export interface ClientMetadata {
  client_name?: string;
  redirect_uris?: string[];
  post_logout_redirect_uris?: string[];
  grant_types?: string[];
  response_types?: string[];
  scope?: string;
  token_endpoint_auth_method?: string;
  token_endpoint_auth_signing_alg?: string;
  application_type?: string;
  id_token_signed_response_alg?: string;
  request_object_signing_alg?: string;
  jwks?: { keys: object[] };
  backchannel_logout_uri?: string;
  backchannel_logout_session_required?: boolean;
  dpop_bound_access_tokens?: boolean;
  skip_consent?: boolean;
  disabled?: boolean;
  course?: string;
  require_pushed_authorization_requests?: boolean;
  fapi?: boolean;
  client_credentials_scopes?: string[];
}

export interface Client {
  client_id: string;
  client_secret?: string;
  [other: string]: unknown;
}

/** What an everyday client has; each test changes what it is about. */
export const EVERYDAY: ClientMetadata = {
  client_name: "Test app",
  redirect_uris: [CALLBACK],
  post_logout_redirect_uris: [SIGNED_OUT],
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"],
  scope: "openid profile email offline_access",
};

const OPERATORS = ["skip_consent", "disabled", "course", "fapi", "client_credentials_scopes", "backchannel_logout_uri"] as const;

/** Whether anybody may register this over HTTP. Privileges, machines and addresses on this host are an operator's. */
export function registrable({ scope = "", application_type, ...metadata }: ClientMetadata): boolean {
  return OPERATORS.every((name) => metadata[name] === undefined) && !/\b(tutor|admin)\b/.test(scope) && application_type === undefined;
}

/** A client as an operator makes it. */
export async function createClient(metadata: ClientMetadata = {}): Promise<Client> {
  const wanted = JSON.stringify({ ...EVERYDAY, ...metadata });
  return JSON.parse(PEER ? await atThePeer(wanted) : await atTheCommandLine(wanted)) as Client;
}

async function atThePeer(metadata: string): Promise<string> {
  const answer = await fetch(`${BASE}/dev/clients`, { method: "POST", body: metadata });
  const text = await answer.text();
  if (answer.status !== 201) throw new Error(`no client: ${text}`);
  return text;
}

function atTheCommandLine(metadata: string): Promise<string> {
  const program = process.env["INTELLISTACK_BIN"];
  if (!program) throw new Error("INTELLISTACK_BIN must name the program whose server is tested: it makes the clients");
  const data = process.env["INTELLISTACK_DATA"] ?? join(dirname(path ?? ""), "data");
  return new Promise((made, failed) => {
    const child = spawn(program, ["--data-dir", data, "client", "create", "--json", "-"], { stdio: ["pipe", "pipe", "pipe"] });
    let [out, err] = ["", ""];
    child.stdout.on("data", (piece: Buffer) => (out += piece.toString()));
    child.stderr.on("data", (piece: Buffer) => (err += piece.toString()));
    child.once("error", failed);
    child.once("close", (code) => (code === 0 ? made(out) : failed(new Error(`client create ended with ${code}: ${err || out}`))));
    child.stdin.end(metadata);
  });
}

/** Somebody new, with a confirmed address. */
export async function newAccount(): Promise<Account> {
  const account = { email: `ada.${randomBytes(6).toString("hex")}@example.test`, password: PASSWORD };
  const answer = await fetch(`${ISSUER}/sign-up/email`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: BASE },
    body: JSON.stringify({ ...account, name: "Ada Learner" }),
  });
  if (answer.status !== 200) throw new Error(`sign-up answered ${answer.status}: ${await answer.text()}`);
  if (!PEER) await confirm(account.email);
  return account;
}

/** As the client library opens the mailed link. */
async function confirm(email: string): Promise<void> {
  const mails = (await (await fetch(`${BASE}/dev/mail.json?to=${encodeURIComponent(email)}`)).json()) as { links: string[] }[];
  const link = mails.flatMap((mail) => mail.links).find((found) => found.includes("verify-email"));
  if (!link) throw new Error(`no mail for ${email}`);
  await fetch(link, { headers: { "sec-fetch-mode": "cors" }, redirect: "manual" });
}
