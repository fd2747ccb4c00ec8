import { webcrypto } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Person, ok, refusal } from "./person";
import { BASE, PEER } from "./target";
import { differs, oursAlone } from "./differs";

type Key = webcrypto.JsonWebKey & { kid: string };

function part(token: string, at: number): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[at] ?? "", "base64url").toString()) as Record<string, unknown>;
}

/** As any API checks it: with the published key alone. */
async function isSigned(token: string, keys: Key[]): Promise<boolean> {
  const key = keys.find(({ kid }) => kid === part(token, 0)["kid"]);
  if (!key) return false;
  const rs256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const [head, body, signature = ""] = token.split(".");
  const imported = await webcrypto.subtle.importKey("jwk", key, rs256, false, ["verify"]);
  return webcrypto.subtle.verify(rs256, imported, Buffer.from(signature, "base64url"), Buffer.from(`${head}.${body}`));
}

async function keys(person: Person): Promise<Key[]> {
  return ok(await person.auth.jwks()).keys as unknown as Key[];
}

describe("token", () => {
  test("is signed with RS256 by a key that jwks publishes", async () => {
    const ada = await Person.signedUp();
    const { token } = ok(await ada.auth.token());
    expect(part(token, 0)).toMatchObject({ alg: "RS256", kid: expect.any(String) });
    expect(await isSigned(token, await keys(ada))).toBe(true);
  });

  test("names the user as sub, and when it was made and ends", async () => {
    const ada = await Person.signedUp();
    const { token } = ok(await ada.auth.token());
    const claims = part(token, 1);
    expect(claims["sub"]).toBe(await ada.id());
    const [iat, exp] = [Number(claims["iat"]), Number(claims["exp"])];
    expect(Math.abs(iat - Date.now() / 1_000)).toBeLessThan(10);
    expect(exp).toBeGreaterThan(iat);
  });

  test("is had with a Bearer token, too", async () => {
    const ada = await Person.signedUp();
    const token = ada.jar.last.headers.get("set-auth-token") ?? "";
    const app = new Person();
    const answer = ok(await app.auth.token({ fetchOptions: { auth: { type: "Bearer", token } } }));
    expect(part(answer.token, 1)["sub"]).toBe(await ada.id());
  });

  test("set-auth-jwt of getSession is signed by the same keys", async () => {
    const ada = await Person.signedUp();
    await ada.session();
    const token = ada.jar.last.headers.get("set-auth-jwt") ?? "";
    expect(await isSigned(token, await keys(ada))).toBe(true);
  });

  test("401 UNAUTHORIZED for somebody who is not signed in", async () => {
    expect(refusal(await new Person().auth.token())).toBe("401 UNAUTHORIZED");
  });

  differs("iss, aud and hours", "one issuer for all tokens; 6 hours", {
    ours: { iss: `${BASE}/api/auth`, aud: `${BASE}/api`, hours: 6, typ: "at+jwt" } as Record<string, unknown>,
    peer: { iss: BASE, aud: BASE, hours: 0.25, typ: undefined },
    async got() {
      const ada = await Person.signedUp();
      const { token } = ok(await ada.auth.token());
      const { iss, aud, iat, exp } = part(token, 1);
      const audience = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
      return { iss, aud: audience, hours: (Number(exp) - Number(iat)) / 3_600, typ: part(token, 0)["typ"] };
    },
  });
});

describe("jwks", () => {
  test("publishes an RSA key among others, with kid and alg, and nothing private", async () => {
    const published = await keys(new Person());
    const rsa = published.find((key) => key.kty === "RSA");
    expect(rsa).toMatchObject({ alg: "RS256", n: expect.any(String), e: "AQAB" });
    for (const key of published) {
      expect(key).toMatchObject({ alg: expect.any(String), kid: expect.any(String) });
      for (const secret of ["d", "p", "q", "dp", "dq", "qi"]) expect(key).not.toHaveProperty(secret);
    }
  });

  oursAlone("/.well-known/jwks.json has the same, at the root and under /api/auth", "the seed's addresses", async () => {
    const published = await keys(new Person());
    for (const path of ["/.well-known/jwks.json", "/api/auth/.well-known/jwks.json"]) {
      expect((await (await fetch(BASE + path)).json()) as unknown).toEqual({ keys: published });
    }
  });
});

test("the tests know which server they talk to", async () => {
  const known = await fetch(`${BASE}/.well-known/openid-configuration`);
  expect(known.status).toBe(PEER ? 404 : 200);
});
