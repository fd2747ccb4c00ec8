import { expect, test } from "vitest";
import { oursAlone } from "../differs";
import { BASE, ISSUER } from "../target";
import { publishedKeys } from "./checks";
import { Plan } from "./module";
import { ask, discovered } from "./rp";

/** Members that a standard gives the document: Discovery, RFC 8414, 8628, 9101, 9126, 9207, 9449, logout, 9728. */
const MEMBERS = `issuer authorization_endpoint token_endpoint userinfo_endpoint jwks_uri registration_endpoint scopes_supported
  response_types_supported response_modes_supported grant_types_supported acr_values_supported subject_types_supported
  id_token_signing_alg_values_supported id_token_encryption_alg_values_supported id_token_encryption_enc_values_supported
  userinfo_signing_alg_values_supported userinfo_encryption_alg_values_supported userinfo_encryption_enc_values_supported
  request_object_signing_alg_values_supported request_object_encryption_alg_values_supported request_object_encryption_enc_values_supported
  token_endpoint_auth_methods_supported token_endpoint_auth_signing_alg_values_supported display_values_supported claim_types_supported
  claims_supported service_documentation claims_locales_supported ui_locales_supported claims_parameter_supported request_parameter_supported
  request_uri_parameter_supported require_request_uri_registration op_policy_uri op_tos_uri revocation_endpoint
  revocation_endpoint_auth_methods_supported revocation_endpoint_auth_signing_alg_values_supported introspection_endpoint
  introspection_endpoint_auth_methods_supported introspection_endpoint_auth_signing_alg_values_supported code_challenge_methods_supported
  signed_metadata device_authorization_endpoint require_signed_request_object pushed_authorization_request_endpoint
  require_pushed_authorization_requests authorization_response_iss_parameter_supported dpop_signing_alg_values_supported
  end_session_endpoint backchannel_logout_supported backchannel_logout_session_supported prompt_values_supported protected_resources`.split(/\s+/);

const plan = new Plan("oidcc-config-certification-test-plan", import.meta.url);

plan.module("oidcc-discovery-endpoint-verification", "the document says what there is, in the forms of the standard", async () => {
  const reply = await ask(`${ISSUER}/.well-known/openid-configuration`);
  expect([reply.status, reply.headers.get("content-type")]).toEqual([200, expect.stringMatching(/^application\/json\b/)]);
  const document = await discovered();
  expect(document.issuer).toBe(ISSUER);
  expect(Object.keys(document).filter((member) => !MEMBERS.includes(member)), "unexpected members").toEqual([]);
  expect(document).toMatchObject({
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    code_challenge_methods_supported: ["S256"],
    authorization_response_iss_parameter_supported: true,
  });
  expect(document["grant_types_supported"]).toEqual(expect.arrayContaining(["authorization_code", "refresh_token"]));
  expect(document["id_token_signing_alg_values_supported"]).toContain("RS256");
  expect(document["token_endpoint_auth_methods_supported"]).toEqual(expect.arrayContaining(["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]));
  expect(document["scopes_supported"]).toEqual(expect.arrayContaining(["openid", "profile", "email", "offline_access"]));
  for (const scope of document["scopes_supported"] as string[]) expect(scope).toMatch(/^[\x21\x23-\x5b\x5d-\x7e]+$/);
  for (const locale of (document["ui_locales_supported"] ?? []) as string[]) expect([locale]).toEqual(Intl.getCanonicalLocales(locale));
  for (const [member, value] of Object.entries(document)) {
    if (/_(endpoint|uri)$/.test(member)) expect([member, secure(String(value))]).toEqual([member, true]);
    if (/_supported$/.test(member)) expect(typeof value === "boolean" || (Array.isArray(value) && value.length > 0), member).toBe(true);
    expect(value, member).not.toBeNull();
  }
  expect((await publishedKeys()).map((key) => key.alg)).toContain("RS256");
});

/** https, or a demo on this machine, whose address is the configured one. */
function secure(address: string): boolean {
  const url = new URL(address);
  return url.origin === BASE && (url.protocol === "https:" || /^(localhost|127\.0\.0\.1)$/.test(url.hostname)) && url.hash === "";
}

plan.complete(["oidcc-discovery-endpoint-verification"]);

test("the same document stands at the root and at RFC 8414's address, byte by byte", async () => {
  const { text } = await ask(`${ISSUER}/.well-known/openid-configuration`);
  const path = new URL(ISSUER).pathname;
  for (const other of [`${BASE}/.well-known/openid-configuration`, `${BASE}/.well-known/oauth-authorization-server${path}`]) {
    const reply = await ask(other);
    expect([other, reply.status, reply.text]).toEqual([other, 200, text]);
  }
});

oursAlone("the document and the keys may be kept for a while and read by any page, without credentials", "the peer tells no age", async () => {
  const { jwks_uri } = await discovered();
  for (const address of [`${ISSUER}/.well-known/openid-configuration`, jwks_uri]) {
    const { headers } = await ask(address, { headers: { origin: "https://any.example" } });
    expect([address, headers.get("cache-control"), headers.get("access-control-allow-origin"), headers.get("access-control-allow-credentials")]).toEqual([address, expect.stringMatching(/public.*max-age=\d+/), "*", null]);
  }
});
