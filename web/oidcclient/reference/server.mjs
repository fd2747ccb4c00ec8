// The peer: npm's oidc-provider, set up as our contract describes it, in memory. Its pages have the ids
// and names of ours, so that one driver signs in at both.
//
//   node server.mjs --ready-file FILE
//
// Beside the protocol: POST /api/auth/sign-up/email makes an account, POST /dev/clients a client (the
// JSON that ours reads at `intellistack client create --json -`).
import { createServer } from "node:http";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import Provider, { errors } from "oidc-provider";
import { Memory } from "./memory.mjs";
import * as pages from "./pages.mjs";

const { values: options } = parseArgs({ options: { "ready-file": { type: "string" } } });
const MOUNT = "/api/auth";

const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const url = `http://localhost:${server.address().port}`;
const issuer = url + MOUNT;
const api = `${url}/api`;

const people = new Map();
function person({ email, password, name }) {
  const account = { sub: randomBytes(16).toString("hex"), email: email.toLowerCase(), password, name, updated: Math.floor(Date.now() / 1_000) };
  people.set(account.email, account);
  people.set(account.sub, account);
  return account;
}
const accounts = ["student", "instructor", "admin"].map((role) => ({ email: `${role}@demo.example`, password: `${randomBytes(12).toString("base64url")}-Aa1`, role }));
for (const { email, password, role } of accounts) person({ email, password, name: role });

function jwk(use, alg, type, how) {
  const { privateKey } = generateKeyPairSync(type, how);
  return { ...privateKey.export({ format: "jwk" }), use, alg, kid: alg.toLowerCase() };
}
const keys = [
  jwk("sig", "RS256", "rsa", { modulusLength: 2048 }),
  jwk("sig", "ES256", "ec", { namedCurve: "P-256" }),
  jwk("sig", "EdDSA", "ed25519"),
];

const configuration = {
  adapter: Memory,
  jwks: { keys },
  cookies: { keys: [randomBytes(32).toString("hex")] },
  scopes: ["openid", "offline_access", "profile", "email", "tutor"],
  clientDefaults: { require_auth_time: true },
  claims: { openid: ["sub"], profile: ["name", "updated_at"], email: ["email", "email_verified"] },
  acrValues: ["0"],
  responseTypes: ["code"],
  clientAuthMethods: ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
  enabledJWA: { requestObjectSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA"] },
  routes: {
    authorization: "/oauth2/authorize",
    token: "/oauth2/token",
    userinfo: "/oauth2/userinfo",
    jwks: "/jwks",
    registration: "/oauth2/register",
    introspection: "/oauth2/introspect",
    revocation: "/oauth2/revoke",
    end_session: "/oauth2/end-session",
    pushed_authorization_request: "/oauth2/par",
    device_authorization: "/oauth2/device-authorization",
    code_verification: "/device",
  },
  // Six hours and seven days, as the contract has them.
  ttl: { AccessToken: 21_600, ClientCredentials: 21_600, IdToken: 36_000, RefreshToken: 604_800, AuthorizationCode: 60, DeviceCode: 600, Grant: 2_592_000, Session: 604_800, Interaction: 600 },
  rotateRefreshToken: true,
  pkce: { required: (_ctx, client) => client.clientAuthMethod === "none" || client.fapi === true },
  extraClientMetadata: { properties: ["skip_consent", "fapi"] },
  // Its own dispatcher keeps it from loopback, where the tests receive logout tokens.
  fetch: (target, { dispatcher: _guard, ...init }) => fetch(target, init),
  clientBasedCORS: (_ctx, origin, client) => client.redirectUris.some((uri) => new URL(uri).origin === origin),
  renderError: (ctx, { error, error_description }) => pages.error(ctx, error, error_description),
  interactions: { url: (_ctx, { uid }) => `${MOUNT}/interaction/${uid}` },
  findAccount: (_ctx, sub) => {
    const { email, name, updated } = people.get(sub) ?? {};
    return email && { accountId: sub, claims: () => ({ sub, email, email_verified: true, name, updated_at: updated }) };
  },
  async loadExistingGrant(ctx) {
    const { client, session, provider, result, params } = ctx.oidc;
    const known = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
    if (known || !client.skip_consent || !session.accountId) return known && provider.Grant.find(known);
    return granted(new provider.Grant({ clientId: client.clientId, accountId: session.accountId }), params.scope, []);
  },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    claimsParameter: { enabled: true },
    clientCredentials: { enabled: true },
    dPoP: { enabled: true },
    fapi: { enabled: true, profile: (_ctx, client) => (client?.fapi ? "2.0" : undefined) },
    introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    pushedAuthorizationRequests: { enabled: true },
    registration: { enabled: true },
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: false },
    requestObjects: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true, logoutSource: pages.logout, postLogoutSuccessSource: pages.signedOut },
    deviceFlow: { enabled: true, userCodeInputSource: pages.deviceCode, userCodeConfirmSource: pages.deviceConfirm, successSource: pages.deviceDone },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo(_ctx, resource) {
        if (resource !== api) throw new errors.InvalidTarget();
        return { audience: api, scope: "tutor", accessTokenFormat: "jwt", jwt: { sign: { alg: "RS256" } } };
      },
    },
  },
};
const provider = new Provider(issuer, configuration);
provider.on("backchannel.error", (_ctx, fault) => console.error(fault));
// A content type on an empty answer is more than oidc-client-ts takes.
provider.use(async (ctx, next) => {
  await next();
  if (ctx.oidc?.route === "revocation" && ctx.status === 200) ctx.remove("content-type");
});
const protocol = provider.callback();

function granted(grant, scope, resources) {
  grant.addOIDCScope(scope ?? "openid");
  for (const resource of resources) grant.addResourceScope(resource, "tutor");
  return grant.save().then(() => grant);
}

const read = async (request) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  return body;
};
const json = (response, status, body) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

/** The page of an interaction, and what its form says. */
async function interact(request, response) {
  const { uid, prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  const client = await provider.Client.find(params.client_id);
  const action = `${MOUNT}/interaction/${uid}`;
  if (request.method !== "POST") {
    return prompt.name === "login" ? pages.signIn(response, action, params.login_hint) : pages.consent(response, action, client.clientName ?? client.clientId, params.scope);
  }
  const form = new URLSearchParams(await read(request));
  if (prompt.name === "login") {
    const account = people.get(form.get("email")?.toLowerCase());
    if (!account || account.password !== form.get("password")) return pages.signIn(response, action, form.get("email"), "Wrong address or password.");
    return provider.interactionFinished(request, response, { login: { accountId: account.sub, acr: "0" } });
  }
  if (form.get("accept") === null) return provider.interactionFinished(request, response, { error: "access_denied", error_description: "The person declined." });
  const grant = (grantId && (await provider.Grant.find(grantId))) || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (prompt.details.missingOIDCClaims) grant.addOIDCClaims(prompt.details.missingOIDCClaims);
  await granted(grant, params.scope, [params.resource ?? []].flat());
  return provider.interactionFinished(request, response, { consent: { grantId: grant.jti } }, { mergeWithLastSubmission: true });
}

/** The metadata of RFC 7591 and our own keys; ours makes such clients at the command line. */
async function create(request, response) {
  const { course, disabled, client_credentials_scopes, ...metadata } = JSON.parse(await read(request));
  const client_id = randomBytes(16).toString("hex");
  const secret = (metadata.token_endpoint_auth_method ?? "client_secret_basic").startsWith("client_secret") ? { client_secret: randomBytes(32).toString("hex") } : {};
  const scope = [metadata.scope, ...(client_credentials_scopes ?? [])].filter(Boolean).join(" ");
  const client = {
    response_types: (metadata.grant_types ?? ["authorization_code"]).includes("authorization_code") ? ["code"] : [],
    redirect_uris: [],
    ...metadata,
    ...(scope ? { scope } : {}),
    client_id,
    ...secret,
  };
  await new Memory("Client").upsert(client_id, client);
  const known = await provider.Client.find(client_id);
  json(response, 201, { ...known.metadata(), ...secret });
}

const routes = {
  "/healthz": (_request, response) => response.writeHead(200).end("ok"),
  "/dev/clients": create,
  [`${MOUNT}/sign-up/email`]: async (request, response) => {
    const { sub, email } = person(JSON.parse(await read(request)));
    json(response, 200, { user: { id: sub, email } });
  },
};

server.on("request", async (request, response) => {
  const { pathname } = new URL(request.url, url);
  try {
    if (routes[pathname]) return await routes[pathname](request, response);
    if (pathname.startsWith(`${MOUNT}/interaction/`)) return await interact(request, response);
    if (pathname === `${MOUNT}/oauth2/authorize` && request.method === "POST") {
      // As ours does it, so that cookies stay SameSite=Lax.
      return response.writeHead(303, { location: `${pathname}?${await read(request)}` }).end();
    }
    if (pathname === "/.well-known/openid-configuration" || pathname === "/.well-known/jwks.json") request.url = MOUNT + (pathname.endsWith("jwks.json") ? "/jwks" : pathname);
    if (pathname === `/.well-known/oauth-authorization-server${MOUNT}`) request.url = `${MOUNT}/.well-known/oauth-authorization-server`;
    if (!request.url.startsWith(`${MOUNT}/`)) return response.writeHead(404).end();
    request.originalUrl = request.url;
    request.url = request.url.slice(MOUNT.length);
    protocol(request, response);
  } catch (fault) {
    const { error, error_description } = fault;
    if (pathname === "/dev/clients") return json(response, fault.statusCode ?? 500, { error, error_description });
    response.statusCode = fault.statusCode ?? 500;
    pages.failed(response, error ?? "server_error", error_description ?? String(fault));
  }
});

const { version } = createRequire(import.meta.url)("./node_modules/oidc-provider/package.json");
const ready = { url, pid: process.pid, peer: `oidc-provider ${version}`, accounts };
if (options["ready-file"]) writeFileSync(options["ready-file"], JSON.stringify(ready));
console.log(`${ready.peer} is ready: ${url}`);
