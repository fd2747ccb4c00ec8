// Google and GitHub as a script: one process answers under /google and /github what theirs answer
// at the token endpoint, for the keys and for the profile. Codes hold what is to be said of the
// person (`codeFor`), so nothing is kept here, and PKCE is checked as theirs do.
//
//   node provider.mjs --ready-file FILE [--google-issuer URL]
import { createHash, createSign, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({ options: { "ready-file": { type: "string" }, "google-issuer": { type: "string" } } });
const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const KEY = { ...publicKey.export({ format: "jwk" }), kid: "scripted", alg: "RS256", use: "sig" };

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const read = (token) => JSON.parse(Buffer.from(token, "base64url").toString());

function idToken({ sub, email, email_verified, name, nonce }, audience) {
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: options["google-issuer"] ?? `${origin()}/google`, aud: audience, azp: audience, sub, email, email_verified, name, nonce, iat: now, exp: now + 3_600 };
  const signed = `${base64url({ alg: "RS256", kid: KEY.kid, typ: "JWT" })}.${base64url(claims)}`;
  return `${signed}.${createSign("sha256").update(signed).sign(privateKey, "base64url")}`;
}

function tokens(provider, form, client) {
  if (form.get("grant_type") === "refresh_token") {
    const person = read(form.get("refresh_token"));
    return { access_token: base64url({ ...person, again: true }), refresh_token: form.get("refresh_token"), expires_in: 3_600, token_type: "Bearer", scope: person.scope };
  }
  const person = read(form.get("code"));
  const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
  if (challenge !== person.challenge) return { error: "invalid_grant", error_description: "the verifier does not fit" };
  const answer = { access_token: base64url(person), token_type: "Bearer", scope: person.scope };
  if (provider === "github") return answer;
  return { ...answer, expires_in: 3_600, refresh_token: base64url(person), id_token: idToken(person, client) };
}

/** The client's id, from the form or from HTTP Basic. */
function clientOf(request, form) {
  const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? "");
  return basic ? decodeURIComponent(Buffer.from(basic[1], "base64").toString().split(":")[0]) : form.get("client_id");
}

const bearer = (request) => read((request.headers.authorization ?? "").replace(/^\w+ /, ""));
const ROUTES = {
  token: async (request, provider) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const form = request.headers["content-type"]?.includes("json") ? new URLSearchParams(JSON.parse(body)) : new URLSearchParams(body);
    return tokens(provider, form, clientOf(request, form));
  },
  certs: () => ({ keys: [KEY] }),
  // As OpenID Connect Discovery has it, for a server that is told the issuer alone.
  "openid-configuration": () => ({
    issuer: `${origin()}/google`,
    authorization_endpoint: `${origin()}/google/authorize`,
    token_endpoint: `${origin()}/google/token`,
    userinfo_endpoint: `${origin()}/google/userinfo`,
    jwks_uri: `${origin()}/google/certs`,
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
    code_challenge_methods_supported: ["S256"],
  }),
  userinfo: (request) => {
    const { sub, email, email_verified, name } = bearer(request);
    return { sub, email, email_verified, name };
  },
  user: (request) => {
    const { sub, email, name } = bearer(request);
    return { id: Number(sub), login: name.toLowerCase(), name, email, avatar_url: "https://pictures.example/ada.png" };
  },
  emails: (request) => {
    const { email, email_verified } = bearer(request);
    return [{ email, verified: email_verified, primary: true, visibility: "private" }];
  },
};
/** By the last part of a path, whatever stands before it: /google/token, /github/login/oauth/access_token. */
const ALSO = { access_token: "token", jwks: "certs" };

const server = createServer(async (request, response) => {
  const path = new URL(request.url, "http://provider").pathname.split("/");
  const last = path.at(-1);
  const route = ROUTES[ALSO[last] ?? last];
  try {
    const answer = route ? await route(request, path[1]) : { error: "not_found" };
    const status = !route ? 404 : answer.error && path[1] === "google" ? 400 : 200;
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
  } catch {
    response.writeHead(400, { "content-type": "application/json" }).end('{"error":"invalid_request"}');
  }
});
const origin = () => `http://127.0.0.1:${server.address().port}`;
server.listen(0, "127.0.0.1", () => {
  const url = origin();
  if (options["ready-file"]) writeFileSync(options["ready-file"], JSON.stringify({ url, pid: process.pid }));
  console.log(`scripted Google and GitHub: ${url}/google, ${url}/github`);
});
