// What an OpenID Provider does all day: answers per second of its processor time, of several servers in
// turns, so that a busy machine is busy for all of them.
//
//   node provider.mjs --target NAME=URL,PID,ACCOUNTS… [--seconds 4] [--rounds 2] [--connections 8]
//     [--kinds refresh,code]
//
// The first target is compared with each of the others. Every connection has a person who is signed in and
// has agreed before anything counts, and asks again as soon as it was answered:
//
// - discovery, keys: the two documents;  userinfo: by a bearer token;
// - refresh: a rotating refresh token, for a signed access token and an ID token;
// - code: an authorization of somebody who is signed in, and the redemption of its code for three tokens;
// - healthz: the least that a request costs there.
//
// Beside them: how many RSA signatures (2048 bits, SHA-256) a second of processor time makes here, since a
// refresh and a redemption are two each.
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Meter, accountsOf, ask, connection, report, rounded } from "../accounts/lib.mjs";
import { Visitor } from "./visitor.mjs";

const { values: options } = parseArgs({
  options: {
    target: { type: "string", multiple: true, default: [] },
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "2" },
    connections: { type: "string", default: "8" },
    kinds: { type: "string", default: "discovery,keys,userinfo,refresh,code,healthz" },
  },
});
const rounds = Number(options.rounds);
const KINDS = options.kinds.split(",");
const milliseconds = (Number(options.seconds) / rounds) * 1_000;
const CALLBACK = "https://rp.example/callback";
const SCOPE = "openid email offline_access tutor";

/** One connection, and the person and the tokens that it has. */
class Asker {
  #agent = connection();
  #server;
  #client;
  #api;
  #account;
  #visitor;
  #refresh = "";
  #access = "";

  constructor({ server, client, api }, account) {
    [this.#server, this.#client, this.#api, this.#account] = [server, client, api, account];
    this.#visitor = new Visitor(this.#agent, server.issuer);
  }

  async open() {
    const plain = await this.#redeemed(await this.#authorize({ scope: "openid email", prompt: "consent" }));
    const offline = await this.#redeemed(await this.#authorize({ scope: SCOPE, resource: this.#api, prompt: "consent" }), { resource: this.#api });
    if (!plain?.access_token || !offline?.refresh_token) throw new Error(`no tokens at ${this.#server.issuer}`);
    [this.#access, this.#refresh] = [plain.access_token, offline.refresh_token];
  }

  close() {
    this.#agent.destroy();
  }

  /** Each says whether the answer was right. */
  kinds = {
    discovery: async () => (await this.#get(`${this.#server.issuer}/.well-known/openid-configuration`)).text.includes('"token_endpoint"'),
    keys: async () => (await this.#get(this.#server.jwks_uri)).text.includes('"keys"'),
    userinfo: async () => (await this.#get(this.#server.userinfo_endpoint, { authorization: `Bearer ${this.#access}` })).text.includes(this.#account.email.toLowerCase()),
    refresh: async () => {
      const tokens = await this.#token({ grant_type: "refresh_token", refresh_token: this.#refresh, resource: this.#api });
      this.#refresh = tokens?.refresh_token ?? "";
      return Boolean(tokens?.access_token && tokens.id_token && this.#refresh);
    },
    code: async () => {
      const tokens = await this.#redeemed(await this.#authorize({ scope: SCOPE, resource: this.#api }), { resource: this.#api });
      return Boolean(tokens?.access_token && tokens.id_token);
    },
    healthz: async () => (await this.#get(new URL("/healthz", this.#server.issuer))).status === 200,
  };

  #get(url, headers) {
    return ask(this.#agent, url, { headers });
  }

  async #authorize(more) {
    const verifier = randomBytes(32).toString("base64url");
    const challenge = createHash("sha256").update(verifier).digest("base64url");
    const url = new URL(this.#server.authorization_endpoint);
    const { client_id } = this.#client;
    url.search = new URLSearchParams({ client_id, response_type: "code", redirect_uri: CALLBACK, state: "s", nonce: "n", code_challenge: challenge, code_challenge_method: "S256", ...more });
    const left = await this.#visitor.walk(url, this.#account);
    return { code: left.searchParams.get("code") ?? "", verifier, error: left.searchParams.get("error") };
  }

  #redeemed({ code, verifier, error }, more = {}) {
    if (error) throw new Error(`the authorization answered ${error}`);
    return this.#token({ grant_type: "authorization_code", code, code_verifier: verifier, redirect_uri: CALLBACK, ...more });
  }

  async #token(form) {
    const { client_id, client_secret } = this.#client;
    const authorization = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString("base64")}`;
    const { status, text } = await ask(this.#agent, this.#server.token_endpoint, { method: "POST", headers: { authorization }, body: new URLSearchParams(form) });
    return status === 200 ? JSON.parse(text) : null;
  }
}

class Target {
  #meter;
  #askers = [];
  figures = {};

  constructor(spec) {
    const at = spec.indexOf("=");
    [this.name, [this.url, this.pid, this.accounts]] = [spec.slice(0, at), spec.slice(at + 1).split(",")];
    this.#meter = new Meter(this.pid);
  }

  async open() {
    const agent = connection();
    const server = JSON.parse((await ask(agent, `${this.url}/api/auth/.well-known/openid-configuration`)).text);
    const metadata = { client_name: "Measuring", redirect_uris: [CALLBACK], grant_types: ["authorization_code", "refresh_token"], response_types: ["code"], scope: SCOPE };
    const made = await ask(agent, server.registration_endpoint, { method: "POST", body: metadata });
    agent.destroy();
    if (made.status !== 201) throw new Error(`${this.name} registers no client: ${made.status} ${made.text}`);
    const people = accountsOf(this.accounts);
    for (let n = 0; n < Number(options.connections); n += 1) {
      const asker = new Asker({ server, client: JSON.parse(made.text), api: `${this.url}/api` }, people[n % people.length]);
      await asker.open();
      this.#askers.push(asker);
    }
    // Caches filled, code compiled: what is measured is how it runs all day.
    for (const kind of KINDS) await this.#run(kind, Math.min(500, milliseconds / 4));
  }

  close() {
    for (const asker of this.#askers) asker.close();
  }

  async round(kind) {
    const figure = (this.figures[kind] ??= { answers: 0, wrong: 0, cpu: 0 });
    this.#meter.start();
    const { answers, wrong } = await this.#run(kind, milliseconds);
    figure.cpu += this.#meter.stop();
    figure.answers += answers;
    figure.wrong += wrong;
  }

  async #run(kind, ms) {
    const [until, counts] = [performance.now() + ms, { answers: 0, wrong: 0 }];
    await Promise.all(
      this.#askers.map(async (asker) => {
        while (performance.now() < until) counts[(await asker.kinds[kind]().catch(() => false)) ? "answers" : "wrong"] += 1;
      }),
    );
    return counts;
  }
}

/** Signatures of the key that access and ID tokens have, a second of this process's time. */
class Signatures {
  #key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  #text = randomBytes(600);
  #count = 0;
  #cpu = 0;

  async round() {
    const [start, until] = [process.cpuUsage(), performance.now() + milliseconds / 2];
    while (performance.now() < until) {
      for (let n = 0; n < 100; n += 1) sign("sha256", this.#text, this.#key);
      this.#count += 100;
      // A connection that a server closes meanwhile is known to be closed before it is used again.
      await setImmediate();
    }
    const { user, system } = process.cpuUsage(start);
    this.#cpu += (user + system) / 1e6;
  }

  get perCpu() {
    return this.#count / this.#cpu;
  }
}

const targets = options.target.map((spec) => new Target(spec));
for (const target of targets) await target.open();
const signatures = new Signatures();
for (const kind of KINDS) {
  for (let round = 0; round < rounds; round += 1) {
    for (const target of targets) await target.round(kind);
    // In turns with those that sign: the machine is as fast then.
    if (["refresh", "code"].includes(kind)) await signatures.round();
  }
}
const rsa = rounded(signatures.perCpu, 0);
for (const target of targets) target.close();

const perCpu = ({ answers, cpu }) => answers / cpu;
const figures = Object.fromEntries(
  targets.map(({ name, figures: kinds }) => [name, Object.fromEntries(Object.entries(kinds).map(([kind, it]) => [kind, { answers: it.answers, wrong: it.wrong, per_cpu_s: rounded(perCpu(it), 0), cpu_us: rounded((it.cpu / it.answers) * 1e6) }]))]),
);
const [first, ...others] = targets;
const ratios = Object.fromEntries(others.map((other) => [other.name, Object.fromEntries(KINDS.map((kind) => [kind, rounded(perCpu(first.figures[kind]) / perCpu(other.figures[kind]))]))]));
const failures = targets.flatMap(({ name, figures: kinds }) => Object.entries(kinds).filter(([, { answers, wrong }]) => wrong > 0 || answers === 0).map(([kind, { answers, wrong }]) => `${name}, ${kind}: ${answers} right, ${wrong} wrong`));
report("oidc", failures, { connections: Number(options.connections), first: first?.name, rsa_signatures_per_cpu_s: rsa, targets: figures, ratios });
