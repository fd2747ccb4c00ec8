import { createHash, randomBytes } from "node:crypto";
import { SignJWT, type JWTPayload } from "jose";
import { key, type Key, type Parameters } from "../app";
import { Browser, type Stop, type Walk } from "../browser";
import { BASE, CALLBACK, ISSUER, createClient, newAccount, type Account, type Client, type ClientMetadata } from "../target";

/** The discovery document, as far as the modules read it. */
export interface Metadata {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
  userinfo_endpoint: string;
  jwks_uri: string;
  end_session_endpoint: string;
  pushed_authorization_request_endpoint: string;
  [other: string]: unknown;
}

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  json: Record<string, unknown>;
}

export interface Issued {
  access_token: string;
  id_token?: string;
  refresh_token?: string;
  token_type: string;
  expires_in: number;
  scope?: string;
}

let metadata: Promise<Metadata> | undefined;
export const discovered = (): Promise<Metadata> => (metadata ??= fetch(`${ISSUER}/.well-known/openid-configuration`).then((answer) => answer.json() as Promise<Metadata>));

export const random = (bytes = 16): string => randomBytes(bytes).toString("base64url");
export const s256 = (text: string): string => createHash("sha256").update(text).digest("base64url");

export async function ask(url: string, init: RequestInit = {}): Promise<Reply> {
  const answer = await fetch(url, { redirect: "manual", ...init });
  const text = await answer.text();
  const json = /json/.test(answer.headers.get("content-type") ?? "") ? (JSON.parse(text) as Reply["json"]) : {};
  return { status: answer.status, headers: answer.headers, text, json };
}

/** A relying party by hand: every parameter and header is in the hands of the test. */
export class Rp {
  readonly client: Client;
  readonly server: Metadata;
  readonly key: Key | null;
  readonly #post: boolean;

  private constructor(client: Client, server: Metadata, proofKey: Key | null, post: boolean) {
    [this.client, this.server, this.key, this.#post] = [client, server, proofKey, post];
  }

  static async make(wanted: ClientMetadata = {}): Promise<Rp> {
    const keyed = wanted.token_endpoint_auth_method === "private_key_jwt" ? await key(wanted.token_endpoint_auth_signing_alg) : null;
    const client = await createClient({ ...wanted, ...(keyed ? { jwks: { keys: [keyed.jwk] } } : {}) });
    return new Rp(client, await discovered(), keyed, wanted.token_endpoint_auth_method === "client_secret_post");
  }

  /** What the suite sends when a module changes nothing; undefined takes a parameter out. */
  request(more: Record<string, string | undefined> = {}): Parameters {
    const all = { client_id: this.client.client_id, response_type: "code", redirect_uri: CALLBACK, scope: "openid", state: random(8), nonce: random(8), ...more };
    return Object.fromEntries(Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined));
  }

  authorizationUrl(parameters: Parameters): URL {
    const url = new URL(this.server.authorization_endpoint);
    url.search = new URLSearchParams(parameters).toString();
    return url;
  }

  authorize(browser: Browser, parameters: Parameters, walk: Walk): Promise<Stop> {
    return browser.walk(this.authorizationUrl(parameters), walk);
  }

  /** As the suite's `client_secret_basic`, `client_secret_post` or `private_key_jwt` has it. */
  async post(url: string, form: Parameters, headers: Record<string, string> = {}): Promise<Reply> {
    const { client_id, client_secret = "" } = this.client;
    const own: Parameters = this.key
      ? { ...(await this.proof()), client_id }
      : this.#post
        ? { client_id, client_secret }
        : {};
    const basic: Parameters = this.key || this.#post ? {} : { authorization: `Basic ${btoa(`${encodeURIComponent(client_id)}:${encodeURIComponent(client_secret)}`)}` };
    return ask(url, { method: "POST", headers: { ...basic, ...headers }, body: new URLSearchParams({ ...own, ...form }) });
  }

  async proof(claims: JWTPayload = {}, header: { alg?: string } = {}, by: Key | null = this.key): Promise<Parameters> {
    return { client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", client_assertion: await this.assertion(claims, header, by) };
  }

  /** A claim that is undefined is left out. */
  assertion(claims: JWTPayload = {}, header: { alg?: string } = {}, by: Key | null = this.key): Promise<string> {
    if (!by) throw new Error("this client has no key");
    const [now, { client_id }] = [Math.floor(Date.now() / 1_000), this.client];
    const all = { iss: client_id, sub: client_id, aud: ISSUER, jti: random(), iat: now, exp: now + 60, ...claims };
    return new SignJWT(all).setProtectedHeader({ alg: "ES256", kid: "app", ...header }).sign(by.privateKey);
  }

  token(form: Parameters, headers: Record<string, string> = {}): Promise<Reply> {
    return this.post(this.server.token_endpoint, form, headers);
  }

  redeem(code: string, more: Parameters = {}, headers: Record<string, string> = {}): Promise<Reply> {
    return this.token({ grant_type: "authorization_code", code, redirect_uri: CALLBACK, ...more }, headers);
  }

  userInfo(token: string, init: RequestInit = {}): Promise<Reply> {
    return ask(this.server.userinfo_endpoint, { ...init, headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) } });
  }
}

/** One person for a file of modules, as the suite has one; each browser is another visit. */
export async function somebody(): Promise<Walk & { as: Account; consent: "accept" }> {
  return { as: await newAccount(), consent: "accept" };
}

/** A page of ours, not an app's: no way out was taken. */
export const stayed = (stop: Stop): boolean => stop.page !== undefined && stop.page.url.origin === new URL(BASE).origin;
