import { createHash } from "node:crypto";
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify, type JWK, type JWTPayload } from "jose";
import { expect } from "vitest";
import { arrival, type Parameters } from "../app";
import type { Browser, Stop, Walk } from "../browser";
import { CALLBACK, ISSUER } from "../target";
import { discovered, type Issued, type Reply, type Rp } from "./rp";

/** The bits that the suite finds in a value: Shannon's entropy of its characters, times its length. */
function entropy(value: string): number {
  const counts = new Map<string, number>();
  for (const sign of value) counts.set(sign, (counts.get(sign) ?? 0) + 1);
  return [...counts.values()].reduce((bits, count) => bits - count * Math.log2(count / value.length), 0);
}

/** Of a secret that was made by the server: printable, long and hard to guess. */
export function secret(value: unknown, what: string): string {
  expect(value, what).toEqual(expect.stringMatching(/^[\x20-\x7e]+$/));
  const text = String(value);
  expect(entropy(text), `entropy of the ${what}`).toBeGreaterThanOrEqual(96);
  return text;
}

/** An error's words are for a log or a person: one line, in the characters of RFC 6749. */
export function described(error_description: unknown): void {
  if (error_description !== undefined && error_description !== null) expect(error_description).toEqual(expect.stringMatching(/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/));
}

/** What came back to the callback: at the registered address, in the query alone, with state and iss. */
export function callback(stop: Stop, sent: Parameters): URLSearchParams {
  const url = arrival(stop) as URL;
  expect(`${url.origin}${url.pathname}`).toBe(CALLBACK);
  expect(url.hash).toBe("");
  const got = url.searchParams;
  for (const name of new Set(got.keys())) expect(got.getAll(name), name).toHaveLength(1);
  expect(got.get("state")).toBe(sent["state"] ?? null);
  expect(got.get("iss")).toBe(ISSUER);
  return got;
}

export function code(stop: Stop, sent: Parameters): string {
  const got = callback(stop, sent);
  expect([...got.keys()], `${got}`).not.toContain("error");
  return secret(got.get("code"), "code");
}

export function refused(stop: Stop, sent: Parameters, errors: string | string[]): void {
  const got = callback(stop, sent);
  expect([errors].flat()).toContain(got.get("error"));
  expect(got.has("code")).toBe(false);
  described(got.get("error_description"));
}

/** Either an error page of ours, or the error at the app's registered address. */
export function refusedSomehow(stop: Stop, sent: Parameters, errors: string[]): void {
  if (stop.page) expect([stop.page.status, stop.page.has("#error")]).toEqual([expect.toSatisfy((status: number) => status >= 400 && status < 500), true]);
  else refused(stop, sent, errors);
}

function json(reply: Reply): void {
  expect(reply.headers.get("content-type")).toMatch(/^application\/json\b/);
  expect(reply.headers.get("cache-control")).toContain("no-store");
}

export function issued(reply: Reply): Issued {
  expect([reply.status, reply.text]).toEqual([200, expect.any(String)]);
  json(reply);
  const { access_token, token_type, expires_in, refresh_token } = reply.json;
  expect(String(token_type).toLowerCase()).toMatch(/^(bearer|dpop)$/);
  expect(expires_in).toEqual(expect.any(Number));
  expect(Number.isInteger(expires_in) && Number(expires_in) > 0).toBe(true);
  secret(access_token, "access token");
  expect(access_token).toEqual(expect.stringMatching(/^[\w.~+/-]+=*$/));
  if (refresh_token !== undefined) secret(refresh_token, "refresh token");
  return reply.json as unknown as Issued;
}

/** A refusal of the token endpoint or another one that a client talks to. */
export function denied(reply: Reply, errors: string | string[]): void {
  expect([errors].flat(), reply.text).toContain(reply.json["error"]);
  expect(reply.status).toBe(reply.json["error"] === "invalid_client" && reply.status !== 400 ? 401 : 400);
  json(reply);
  described(reply.json["error_description"]);
}

/** The claims of an ID token, after all that OpenID Connect Core §3.1.3.7 asks of a client. */
export async function idToken(rp: Rp, { id_token = "", access_token }: Issued, sent: Parameters, alg = "RS256"): Promise<JWTPayload> {
  const { alg: used, kid } = decodeProtectedHeader(id_token);
  expect(used).toBe(alg);
  expect(kid).toEqual(expect.any(String));
  expect((await publishedKeys()).map((key) => key.kid)).toContain(kid);
  const keys = createRemoteJWKSet(new URL(rp.server.jwks_uri));
  const { payload } = await jwtVerify(id_token, keys, { issuer: ISSUER, audience: rp.client.client_id, algorithms: [alg], requiredClaims: ["sub", "iat", "exp"] });
  const now = Date.now() / 1_000;
  expect([payload.aud].flat()).toEqual([rp.client.client_id]);
  if (payload["azp"] !== undefined) expect(payload["azp"]).toBe(rp.client.client_id);
  expect(payload.iat).toBeGreaterThan(now - 300);
  expect(payload.iat).toBeLessThan(now + 300);
  expect(payload.sub).toEqual(expect.stringMatching(/^[\x20-\x7e]{1,255}$/));
  expect(payload["nonce"]).toBe(sent["nonce"]);
  if (payload["at_hash"] !== undefined) {
    const hash = createHash("sha256").update(access_token).digest();
    if (alg === "RS256") expect(payload["at_hash"]).toBe(hash.subarray(0, 16).toString("base64url"));
  }
  if (payload["auth_time"] !== undefined || sent["max_age"] !== undefined) expect(payload["auth_time"]).toEqual(expect.any(Number));
  if (payload["acr"] !== undefined) expect(payload["acr"]).toEqual(expect.any(String));
  return payload;
}

/** What is published to check signatures with: distinct, for signatures, strong, and nothing private. */
export async function publishedKeys(): Promise<JWK[]> {
  const { jwks_uri } = await discovered();
  const answer = await fetch(jwks_uri);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toMatch(/json/);
  const { keys } = (await answer.json()) as { keys: JWK[] };
  expect(keys.length).toBeGreaterThan(0);
  expect(new Set(keys.map((key) => key.kid)).size).toBe(keys.length);
  for (const key of keys) {
    expect(key).toMatchObject({ kty: expect.stringMatching(/^(RSA|EC|OKP)$/), use: "sig", alg: expect.any(String), kid: expect.any(String) });
    for (const part of ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]) expect(key).not.toHaveProperty(part);
    if (key.kty === "RSA") expect(Buffer.from(key.n ?? "", "base64url").length).toBeGreaterThanOrEqual(256);
  }
  return keys;
}

const TYPES: Record<string, "string" | "boolean" | "number"> = { name: "string", given_name: "string", family_name: "string", picture: "string", locale: "string", zoneinfo: "string", email: "string", email_verified: "boolean", updated_at: "number" };

/** What userinfo tells: JSON about the same person, each claim of the type that the standard gives it. */
export function told(reply: Reply, sub: unknown): Record<string, unknown> {
  expect(reply.status, reply.text).toBe(200);
  expect(reply.headers.get("content-type")).toMatch(/^application\/json\b/);
  expect(reply.json["sub"]).toBe(sub);
  for (const [name, value] of Object.entries(reply.json)) {
    const type = TYPES[name];
    if (type) expect(typeof value, name).toBe(type);
    expect(value, name).not.toBeNull();
    expect(value, name).not.toBe("");
  }
  return reply.json;
}

export interface Happy {
  sent: Parameters;
  code: string;
  tokens: Issued;
  claims: JWTPayload;
  info: Record<string, unknown>;
}

/** The suite's happy flow, with all of its conditions: authorize, redeem, ID token, userinfo. */
export async function happy(rp: Rp, browser: Browser, walk: Walk, more: Record<string, string | undefined> = {}): Promise<Happy> {
  const sent = rp.request(more);
  return redeemed(rp, await rp.authorize(browser, sent, walk), sent);
}

/** The rest of it, once the browser is back. */
export async function redeemed(rp: Rp, stop: Stop, sent: Parameters, form: Parameters = {}): Promise<Happy> {
  const got = code(stop, sent);
  const tokens = issued(await rp.redeem(got, form));
  const claims = await idToken(rp, tokens, sent);
  return { sent, code: got, tokens, claims, info: told(await rp.userInfo(tokens.access_token), claims.sub) };
}
