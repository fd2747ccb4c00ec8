import * as oauth from "oauth4webapi";
import * as oidc from "openid-client";
import { beforeAll, describe, expect, test } from "vitest";
import { App, PLAIN, key, refusal } from "./app";
import { Browser } from "./browser";
import { oursAlone } from "./differs";
import { CALLBACK, ISSUER, SIGNED_OUT, newAccount, type Account } from "./target";

const EVERYDAY = { client_name: "Registered app", redirect_uris: [CALLBACK], post_logout_redirect_uris: [SIGNED_OUT], grant_types: ["authorization_code", "refresh_token"], response_types: ["code"] };

let ada: Account;
let endpoint: string;
beforeAll(async () => {
  ada = await newAccount();
  endpoint = (await oidc.discovery(new URL(ISSUER), "nobody", undefined, oidc.None(), PLAIN)).serverMetadata().registration_endpoint ?? "";
});

interface Registered {
  client_id: string;
  client_secret?: string;
  registration_access_token: string;
  registration_client_uri: string;
  [other: string]: unknown;
}

async function register(metadata: Record<string, unknown>): Promise<{ status: number; headers: Headers; body: Registered & { error?: string } }> {
  const answer = await fetch(endpoint, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(metadata) });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Registered };
}

/** A request of RFC 7592 with the client's registration access token. */
async function manage(client: Registered, method = "GET", body?: object): Promise<{ status: number; body: Registered | null }> {
  const headers = { authorization: `Bearer ${client.registration_access_token}`, ...(body ? { "content-type": "application/json" } : {}) };
  const answer = await fetch(client.registration_client_uri, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  const text = await answer.text();
  return { status: answer.status, body: text ? (JSON.parse(text) as Registered) : null };
}

describe("registration (RFC 7591)", () => {
  test("openid-client registers an app, which signs people in at once", async () => {
    const config = await oidc.dynamicClientRegistration(new URL(ISSUER), EVERYDAY, oidc.ClientSecretBasic(), PLAIN);
    const { client_id, client_secret } = config.clientMetadata() as { client_id: string; client_secret?: string };
    expect(client_secret).toBeTruthy();
    const tokens = await new App({ client_id }, config).signIn(new Browser(), ada, { scope: "openid email" });
    expect(tokens.claims()?.aud).toBe(client_id);
  });

  test("oauth4webapi registers a public one, and one with a key", async () => {
    const server = await oauth.processDiscoveryResponse(new URL(ISSUER), await oauth.discoveryRequest(new URL(ISSUER), { [oauth.allowInsecureRequests]: true }));
    const make = async (metadata: Partial<oauth.Client>): Promise<oauth.Client> =>
      oauth.processDynamicClientRegistrationResponse(await oauth.dynamicClientRegistrationRequest(server, metadata, { [oauth.allowInsecureRequests]: true }));
    const open = await make({ ...EVERYDAY, token_endpoint_auth_method: "none" });
    expect(open).toMatchObject({ client_id: expect.any(String), token_endpoint_auth_method: "none" });
    expect(open).not.toHaveProperty("client_secret");
    const { jwk } = await key();
    const keyed = await make({ ...EVERYDAY, token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [jwk as oauth.JWK] } });
    expect(keyed).toMatchObject({ token_endpoint_auth_method: "private_key_jwt" });
    expect(keyed).not.toHaveProperty("client_secret");
  });

  test("the answer is 201, says all of the client, and is kept by nobody", async () => {
    const { status, headers, body } = await register(EVERYDAY);
    expect([status, headers.get("cache-control")]).toEqual([201, expect.stringContaining("no-store")]);
    expect(body).toMatchObject({ ...EVERYDAY, client_secret_expires_at: 0, token_endpoint_auth_method: "client_secret_basic", registration_access_token: expect.any(String) });
    expect(body.registration_client_uri).toContain(body.client_id);
  });

  test.each([
    ["none", []],
    ["a script", ["javascript:alert(1)"]],
    ["data", ["data:text/html,x"]],
    ["a fragment", [`${CALLBACK}#here`]],
    ["no address", ["callback"]],
  ])("redirect_uris: %s is refused", async (_what, redirect_uris) => {
    const { status, body } = await register({ ...EVERYDAY, redirect_uris });
    expect([status, body.error]).toEqual([400, expect.stringMatching(/^invalid_(redirect_uri|client_metadata)$/)]);
  });

  oursAlone("http is for loopback and native apps alone", "the peer lets web apps of the code flow have http", async () => {
    expect((await register({ ...EVERYDAY, redirect_uris: ["http://rp.example/callback"] })).body.error).toBe("invalid_redirect_uri");
    expect((await register({ ...EVERYDAY, redirect_uris: ["http://127.0.0.1:8080/callback"] })).body.error).toBe("invalid_redirect_uri");
    expect((await register({ ...EVERYDAY, redirect_uris: ["http://127.0.0.1/callback"], application_type: "native", token_endpoint_auth_method: "none" })).status).toBe(201);
  });

  oursAlone("nobody registers what an operator alone may give", "privileges are the command line's", async () => {
    const { body } = await register({ ...EVERYDAY, skip_consent: true, client_credentials_scopes: ["tutor"], scope: "openid admin" });
    if (!body.client_id) return expect(body.error).toMatch(/^invalid_/);
    const app = new App(body, await App.configured(body, {}));
    const browser = new Browser();
    await app.signIn(browser, ada, { scope: "openid" });
    expect(browser.seen).toContain("consent");
    expect(await refusal(oidc.clientCredentialsGrant(app.config, {}))).toMatch(/unauthorized_client/);
  });
});

describe("its management (RFC 7592)", () => {
  test("a client reads, changes and deletes itself", async () => {
    const { body: made } = await register(EVERYDAY);
    const read = await manage(made);
    expect([read.status, read.body?.["client_name"]]).toEqual([200, "Registered app"]);
    // A server may hand out another token with each answer.
    const current = { ...made, ...read.body };
    const { registration_access_token, registration_client_uri, client_secret_expires_at, client_id_issued_at, ...metadata } = current;
    void [registration_access_token, registration_client_uri, client_secret_expires_at, client_id_issued_at];
    const changed = await manage(current, "PUT", { ...metadata, client_name: "Renamed app" });
    expect([changed.status, changed.body?.["client_name"]]).toEqual([200, "Renamed app"]);
    const last = { ...current, ...changed.body };
    expect((await manage(last, "DELETE")).status).toBe(204);
    expect((await manage(last)).status).toBe(401);
    const url = new URL(`${ISSUER}/oauth2/authorize`);
    url.search = new URLSearchParams({ client_id: made.client_id, redirect_uri: CALLBACK, response_type: "code", scope: "openid" }).toString();
    const { page } = await new Browser().walk(url, { as: ada, consent: "accept" });
    expect(page?.has("#error")).toBe(true);
  });

  test("another client's token manages nothing", async () => {
    const [{ body: one }, { body: two }] = [await register(EVERYDAY), await register(EVERYDAY)];
    const crossed = { ...one, registration_access_token: two.registration_access_token };
    for (const method of ["GET", "DELETE"]) expect((await manage(crossed, method)).status).toBeGreaterThanOrEqual(401);
    expect((await manage(one)).status).toBe(200);
  });
});
