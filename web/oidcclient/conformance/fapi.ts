import { SignJWT, exportJWK, generateKeyPair, type CryptoKey, type JWK, type JWTHeaderParameters, type JWTPayload } from "jose";
import { calculateJwkThumbprint } from "jose";
import { expect } from "vitest";
import type { Parameters } from "../app";
import type { Browser, Stop, Walk } from "../browser";
import type { ClientMetadata } from "../target";
import { code, issued } from "./checks";
import { Rp, random, s256, type Issued, type Reply } from "./rp";

const FAPI: ClientMetadata = {
  fapi: true,
  require_pushed_authorization_requests: true,
  dpop_bound_access_tokens: true,
  token_endpoint_auth_method: "private_key_jwt",
  token_endpoint_auth_signing_alg: "ES256",
  id_token_signed_response_alg: "ES256",
};

/** The key that a client's tokens are bound to, and the proofs that it makes (RFC 9449). */
export class Dpop {
  readonly #private: CryptoKey;
  readonly #alg: string;
  readonly jwk: JWK;
  readonly secret: JWK;
  readonly jkt: string;

  private constructor(key: CryptoKey, alg: string, [jwk, secret]: [JWK, JWK], jkt: string) {
    [this.#private, this.#alg, this.jwk, this.secret, this.jkt] = [key, alg, jwk, secret, jkt];
  }

  static async make(alg = "ES256"): Promise<Dpop> {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const jwk = await exportJWK(publicKey);
    return new Dpop(privateKey, alg, [jwk, await exportJWK(privateKey)], await calculateJwkThumbprint(jwk));
  }

  /** A claim or a header that is undefined is left out. */
  async proof(htm: string, htu: string, claims: JWTPayload = {}, header: Partial<JWTHeaderParameters> = {}): Promise<string> {
    const all = { htm, htu, jti: random(), iat: Math.floor(Date.now() / 1_000), ...claims };
    return new SignJWT(all).setProtectedHeader({ alg: this.#alg, typ: "dpop+jwt", jwk: this.jwk, ...header }).sign(this.#private);
  }
}

/** A relying party as the plan's variant has it: private_key_jwt, DPoP, plain_fapi, OpenID Connect. */
export class Fapi {
  readonly rp: Rp;
  readonly dpop: Dpop;

  private constructor(rp: Rp, dpop: Dpop) {
    [this.rp, this.dpop] = [rp, dpop];
  }

  static async make(): Promise<Fapi> {
    return new Fapi(await Rp.make(FAPI), await Dpop.make());
  }

  /** What a well behaved client pushes, and the verifier of it. */
  request(more: Record<string, string | undefined> = {}): { sent: Parameters; verifier: string } {
    const verifier = random(48);
    return { sent: this.rp.request({ code_challenge: s256(verifier), code_challenge_method: "S256", ...more }), verifier };
  }

  push(sent: Parameters, headers: Record<string, string> = {}): Promise<Reply> {
    return this.rp.post(this.rp.server.pushed_authorization_request_endpoint, sent, headers);
  }

  /** The name of a request that was taken. */
  async pushed(sent: Parameters, headers: Record<string, string> = {}): Promise<string> {
    const reply = await this.push(sent, headers);
    expect(reply.status, reply.text).toBe(201);
    const { request_uri, expires_in } = reply.json;
    expect(request_uri).toEqual(expect.stringMatching(/^urn:ietf:params:oauth:request_uri:\S+$/));
    expect(expires_in).toEqual(expect.any(Number));
    expect(expires_in).toBeLessThan(600);
    return String(request_uri);
  }

  url(request_uri: string, more: Parameters = {}): URL {
    return this.rp.authorizationUrl({ client_id: this.rp.client.client_id, request_uri, ...more });
  }

  async authorize(browser: Browser, sent: Parameters, walk: Walk, headers: Record<string, string> = {}): Promise<Stop> {
    return browser.walk(this.url(await this.pushed(sent, headers)), walk);
  }

  /** A code that was just given, and what redeems it. */
  async code(browser: Browser, walk: Walk, more: Record<string, string | undefined> = {}): Promise<{ code: string; verifier: string; sent: Parameters }> {
    const { sent, verifier } = this.request(more);
    return { code: code(await this.authorize(browser, sent, walk), sent), verifier, sent };
  }

  async redeem(got: string, code_verifier: string, options: { claims?: JWTPayload; by?: Dpop | null; more?: Parameters } = {}): Promise<Reply> {
    const { claims = {}, by = this.dpop, more = {} } = options;
    const DPoP = by ? { DPoP: await by.proof("POST", this.rp.server.token_endpoint, claims) } : {};
    return this.rp.redeem(got, { code_verifier, ...more }, DPoP as Record<string, string>);
  }

  async signIn(browser: Browser, walk: Walk, more: Record<string, string | undefined> = {}): Promise<{ tokens: Issued; sent: Parameters }> {
    const { code: got, verifier, sent } = await this.code(browser, walk, more);
    const tokens = issued(await this.redeem(got, verifier));
    expect(tokens.token_type.toLowerCase()).toBe("dpop");
    return { tokens, sent };
  }

  ath(token: string): string {
    return s256(token);
  }

  /** Asks for the person with a token and a proof, in the way that a module changes it. */
  async resource(token: string, claims: JWTPayload = {}, header: Partial<JWTHeaderParameters> = {}, by = this.dpop): Promise<Reply> {
    return this.present(token, await by.proof("GET", this.rp.server.userinfo_endpoint, { ath: this.ath(token), ...claims }, header));
  }

  present(token: string, proof: string, scheme = "DPoP"): Promise<Reply> {
    return this.rp.userInfo(token, { headers: { authorization: `${scheme} ${token}`, DPoP: proof } });
  }
}
