import { generateKeyPair, exportJWK, type CryptoKey } from "jose";
import * as oidc from "openid-client";
import { Browser, type Stop, type Walk } from "./browser";
import { CALLBACK, EVERYDAY, ISSUER, createClient, registrable, type Account, type Client, type ClientMetadata } from "./target";

export type Parameters = Record<string, string>;
export type Tokens = Awaited<ReturnType<typeof oidc.authorizationCodeGrant>>;

/** One visit to the authorization endpoint, and what the app must remember of it. */
export interface Visit {
  url: URL;
  state: string;
  nonce: string;
  verifier: string;
}

export interface Key {
  privateKey: CryptoKey;
  jwk: object;
}

/** A key that an app registers and signs with. */
export async function key(alg = "ES256"): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), alg, use: "sig", kid: "app" } };
}

/** The tests are on loopback, without TLS. */
export const PLAIN: oidc.DiscoveryRequestOptions = { execute: [oidc.allowInsecureRequests] };

/** An app that signs people in with npm's openid-client. */
export class App {
  readonly client: Client;
  readonly config: oidc.Configuration;
  readonly #callback: string;

  constructor(client: Client, config: oidc.Configuration, callback = CALLBACK) {
    this.client = client;
    this.config = config;
    this.#callback = callback;
  }

  /**
   * Registered by the library where anybody may, else made by the operator. `auth` is for a client with a
   * key; others prove themselves as their metadata say.
   */
  static async make(metadata: ClientMetadata = {}, auth?: oidc.ClientAuth): Promise<App> {
    const [callback] = metadata.redirect_uris ?? [];
    if (!registrable(metadata)) {
      const client = await createClient(metadata);
      return new App(client, await App.configured(client, metadata, auth), callback);
    }
    const wanted = { ...EVERYDAY, ...metadata } as Partial<oidc.ClientMetadata>;
    const config = await oidc.dynamicClientRegistration(new URL(ISSUER), wanted, auth ?? proof(metadata.token_endpoint_auth_method), PLAIN);
    return new App(config.clientMetadata() as Client, config, callback);
  }

  static configured({ client_id, client_secret }: Client, metadata: ClientMetadata, auth?: oidc.ClientAuth): Promise<oidc.Configuration> {
    const known: Partial<oidc.ClientMetadata> = { client_id, ...(metadata.id_token_signed_response_alg ? { id_token_signed_response_alg: metadata.id_token_signed_response_alg } : {}) };
    return oidc.discovery(new URL(ISSUER), client_id, known, auth ?? proof(metadata.token_endpoint_auth_method, client_secret), PLAIN);
  }

  /** The parameters of a visit with all checks, before a library makes a URL of them. */
  async parameters(more: Parameters = {}): Promise<{ parameters: Parameters; state: string; nonce: string; verifier: string }> {
    const [state, nonce, verifier] = [oidc.randomState(), oidc.randomNonce(), oidc.randomPKCECodeVerifier()];
    const parameters = {
      redirect_uri: this.#callback,
      scope: "openid profile email",
      state,
      nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      ...more,
    };
    return { parameters, state, nonce, verifier };
  }

  async visit(more: Parameters = {}): Promise<Visit> {
    const { parameters, ...kept } = await this.parameters(more);
    return { url: oidc.buildAuthorizationUrl(this.config, parameters), ...kept };
  }

  /** Redeems what came back, with every check that the library has. */
  redeem({ state, nonce, verifier }: Visit, back: Stop, options: { maxAge?: number; DPoP?: oidc.DPoPHandle; also?: Parameters } = {}): Promise<Tokens> {
    const { maxAge, DPoP, also } = options;
    const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true, ...(maxAge === undefined ? {} : { maxAge }) };
    return oidc.authorizationCodeGrant(this.config, arrival(back), checks, also, DPoP ? { DPoP } : undefined);
  }

  /** From the first page to the tokens. */
  async signIn(browser: Browser, as: Account, more: Parameters = {}): Promise<Tokens> {
    const visit = await this.visit(more);
    return this.redeem(visit, await browser.walk(visit.url, { as, consent: "accept" }));
  }

  /** What a refused or silent visit brings back: the parameters at the callback. */
  async answer(browser: Browser, more: Parameters, walk: Walk = {}): Promise<URLSearchParams> {
    const visit = await this.visit(more);
    return returned(await browser.walk(visit.url, walk));
  }
}

export function proof(method = "client_secret_basic", secret?: string): oidc.ClientAuth {
  if (method === "none") return oidc.None();
  return method === "client_secret_post" ? oidc.ClientSecretPost(secret) : oidc.ClientSecretBasic(secret);
}

/** Where the browser left to, as the app's server sees it. */
export function arrival(stop: Stop): URL | Request {
  if (!stop.left) throw new Error(`still at ${stop.page.url} (${stop.page.status}): ${stop.page.text.replace(/<style[\s\S]*?<\/style>/g, "").slice(0, 1_200)}`);
  if (!stop.post) return stop.left;
  return new Request(stop.left, { method: "POST", body: stop.post, headers: { "content-type": "application/x-www-form-urlencoded" } });
}

export function returned(stop: Stop): URLSearchParams {
  arrival(stop);
  return stop.post ?? stop.left?.searchParams ?? new URLSearchParams();
}

/** The code of a refusal, whatever the library wraps it in; "none" when there was no refusal. */
export async function refusal(asked: Promise<unknown>): Promise<string> {
  try {
    await asked;
    return "none";
  } catch (fault) {
    const { error, status, code, cause } = fault as { error?: string; status?: number; code?: string; cause?: unknown };
    if (error) return status ? `${status} ${error}` : error;
    const challenges = cause as { parameters?: { error?: string } }[] | undefined;
    const challenged = Array.isArray(challenges) ? challenges[0]?.parameters?.error : undefined;
    if (challenged) return `${status} ${challenged}`;
    if (code) return code;
    throw fault;
  }
}
