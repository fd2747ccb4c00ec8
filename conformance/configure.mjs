// Makes a plan's clients by the program that is given as arguments, and prints the plan's configuration
// for the suite. clients.sh calls it; the settings come by environment: PLAN, BASE, SUITE, EMAIL, PASSWORD.
import { execFileSync } from "node:child_process";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

const [program, ...given] = process.argv.slice(2);
const { PLAN, BASE, SUITE, EMAIL, PASSWORD } = process.env;
const ALIAS = `intellistack-${PLAN}`;
const filled = (text) => text.replace(/@(BASE|SUITE|EMAIL|PASSWORD|ALIAS)@/g, (_, name) => JSON.stringify({ BASE, SUITE, EMAIL, PASSWORD, ALIAS }[name]).slice(1, -1));
const read = (file) => JSON.parse(filled(readFileSync(new URL(file, import.meta.url), "utf8")));

const { plan, clients, all = {}, keys, resource } = read(`plans/${PLAN}.json`);
const { browser, pages } = read("browser.json");

/** The suite keeps the private half, the client is registered with the other. */
function pair(alg) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const also = { alg, use: "sig", kid: randomUUID() };
  return [privateKey, publicKey].map((key) => ({ keys: [{ ...key.export({ format: "jwk" }), ...also }] }));
}

function create(metadata) {
  const [secret, open] = keys ? pair(keys) : [];
  const redirects = ["", "?dummy1=lorem&dummy2=ipsum"].map((query) => `${SUITE}/test/a/${ALIAS}/callback${query}`);
  const wanted = { redirect_uris: redirects, grant_types: ["authorization_code", "refresh_token"], response_types: ["code"], ...all, ...metadata, ...(open ? { jwks: open } : {}) };
  const made = JSON.parse(execFileSync(program, [...given, "client", "create", "--json", "-"], { input: JSON.stringify(wanted), encoding: "utf8" }));
  return { client_id: made.client_id, ...(made.client_secret ? { client_secret: made.client_secret } : {}), scope: metadata.scope, ...(secret ? { jwks: secret } : {}) };
}

/** What a module sees in place of the everyday pages. */
function overrides() {
  const [authorize] = browser;
  return Object.fromEntries(
    Object.values(pages).flatMap((page) => {
      const before = page.first ? [{ ...authorize, "match-limit": 1 }] : page.authorize ? [authorize] : [];
      return page.modules.map((module) => [module, { comment: page.comment, browser: [...before, ...page.browser] }]);
    }),
  );
}

const configuration = {
  alias: ALIAS,
  description: `IntelliStack, ${plan}`,
  server: { discoveryUrl: `${BASE}/api/auth/.well-known/openid-configuration` },
  ...Object.fromEntries(Object.entries(clients).map(([name, metadata]) => [name, create(metadata)])),
  ...(resource ? { resource } : {}),
  ...(Object.keys(clients).length > 0 ? { browser, override: overrides() } : {}),
};
console.log(JSON.stringify(configuration, null, 2));
console.error(plan);
