import { describe, expect, test } from "vitest";
import { Jar } from "./jar";
import { Person, SESSION, client, ok, refusal, seen } from "./person";
import { BASE } from "./target";
import { differs } from "./differs";

describe("getSession", () => {
  test("answers with session and user, dates revived", async () => {
    const ada = await Person.signedUp();
    const found = await ada.session();
    const day = expect.any(Date);
    expect(found?.session).toMatchObject({
      id: expect.any(String), token: expect.any(String), userId: found?.user.id,
      expiresAt: day, createdAt: day, updatedAt: day, userAgent: expect.any(String), ipAddress: expect.any(String),
    });
    expect(found?.user).toMatchObject({ email: ada.email, createdAt: day, updatedAt: day });
    const days = ((found?.session.expiresAt.getTime() ?? 0) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(6.9);
    expect(days).toBeLessThan(7.1);
  });

  test("is not kept by any cache", async () => {
    const ada = await Person.signedUp();
    await ada.session();
    expect(ada.jar.last.headers.get("cache-control")).toContain("no-store");
  });

  test("answers null, and no error, to somebody who is not signed in", async () => {
    const answer = await new Person().auth.getSession();
    expect(answer).toEqual({ data: null, error: null });
  });

  test("answers null to a cookie with a bad signature", async () => {
    const ada = await Person.signedUp();
    const [token] = decodeURIComponent(ada.jar.cookies.get(SESSION) ?? "").split(".");
    ada.jar.cookies.set(SESSION, encodeURIComponent(`${token}.${"A".repeat(43)}=`));
    expect(await ada.session()).toBeNull();
  });

  test("answers null to the cookie of a dead session, and clears it", async () => {
    const ada = await Person.signedUp();
    const kept = ada.jar.cookies.get(SESSION) ?? "";
    ok(await ada.auth.signOut());
    ada.jar.cookies.set(SESSION, kept);
    expect(await ada.session()).toBeNull();
    expect(ada.jar.set(SESSION)).toMatchObject({ value: "", attributes: { "max-age": "0" } });
  });

  test("takes the token of set-auth-token as a Bearer token, without a cookie", async () => {
    const ada = await Person.signedUp();
    const token = ada.jar.last.headers.get("set-auth-token") ?? "";
    const app = client(new Jar(BASE));
    const found = seen(await app.getSession({ fetchOptions: { auth: { type: "Bearer", token } } }));
    expect(found?.user.email).toBe(ada.email);
  });

  test("takes the bare token of the answer as a Bearer token", async () => {
    const ada = await Person.signedUp();
    const { token } = await ada.signIn();
    const app = client(new Jar(BASE));
    const found = seen(await app.getSession({ fetchOptions: { auth: { type: "Bearer", token } } }));
    expect(found?.user.email).toBe(ada.email);
  });

  test("takes disableCookieCache and disableRefresh", async () => {
    const ada = await Person.signedUp();
    const found = seen(await ada.auth.getSession({ query: { disableCookieCache: true, disableRefresh: true } }));
    expect(found?.user.email).toBe(ada.email);
  });

  test("brings an access token in set-auth-jwt, exposed to scripts", async () => {
    const ada = await Person.signedUp();
    await ada.session();
    expect(ada.jar.last.headers.get("set-auth-jwt")?.split(".")).toHaveLength(3);
    expect(ada.jar.last.headers.get("access-control-expose-headers")?.toLowerCase()).toContain("set-auth-jwt");
  });

  test("405 METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED for a POST", async () => {
    const ada = await Person.signedUp();
    expect(refusal(await ada.call("/get-session", {}))).toBe("405 METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED");
  });
});

describe("listSessions", () => {
  test("lists the live ones, dates revived", async () => {
    const ada = await Person.signedUp();
    await ada.elsewhere();
    const list = ok(await ada.auth.listSessions());
    expect(list).toHaveLength(2);
    for (const session of list) {
      expect(session).toMatchObject({ userId: await ada.id(), token: expect.any(String), userAgent: expect.any(String) });
      expect(session.expiresAt).toBeInstanceOf(Date);
    }
    expect(list.map(({ id }) => id)).toContain((await ada.session())?.session.id);
  });

  test("401 UNAUTHORIZED for somebody who is not signed in", async () => {
    expect(refusal(await new Person().auth.listSessions())).toBe("401 UNAUTHORIZED");
  });

  differs("a listed token signs nobody in", "tokens are kept as hashes, the list holds handles", {
    ours: false,
    peer: true,
    async got() {
      const ada = await Person.signedUp();
      const [listed] = ok(await ada.auth.listSessions());
      const app = client(new Jar(BASE));
      return seen(await app.getSession({ fetchOptions: { auth: { type: "Bearer", token: listed?.token ?? "" } } })) !== null;
    },
  });
});

describe("revokeSession", () => {
  test("takes what listSessions gave and ends that session alone", async () => {
    const ada = await Person.signedUp();
    const other = await ada.elsewhere();
    const id = (await other.session())?.session.id;
    const listed = ok(await ada.auth.listSessions()).find((session) => session.id === id);
    expect(ok(await ada.auth.revokeSession({ token: listed?.token ?? "" }))).toEqual({ status: true });
    expect(await other.session()).toBeNull();
    expect(await ada.session()).not.toBeNull();
  });

  test("takes the token of a sign-in, too", async () => {
    const ada = await Person.signedUp();
    const other = await ada.elsewhere();
    const { token } = await other.signIn();
    ok(await ada.auth.revokeSession({ token }));
    expect(await other.session()).toBeNull();
  });

  test("says nothing of tokens of others and of none, and ends nothing", async () => {
    const [ada, eve] = [await Person.signedUp(), await Person.signedUp()];
    const { token } = await ada.signIn();
    const [handle] = ok(await ada.auth.listSessions());
    for (const foreign of [token, handle?.token ?? "", "x".repeat(32)]) {
      expect(ok(await eve.auth.revokeSession({ token: foreign }))).toEqual({ status: true });
    }
    expect(await ada.session()).not.toBeNull();
  });

  test("401 UNAUTHORIZED for somebody who is not signed in", async () => {
    expect(refusal(await new Person().auth.revokeSession({ token: "x" }))).toBe("401 UNAUTHORIZED");
  });
});

test("revokeOtherSessions ends all but this one", async () => {
  const ada = await Person.signedUp();
  const other = await ada.elsewhere();
  expect(ok(await ada.auth.revokeOtherSessions())).toEqual({ status: true });
  expect([await other.session(), (await ada.session())?.user.email]).toEqual([null, ada.email]);
});

test("revokeSessions ends all", async () => {
  const ada = await Person.signedUp();
  const other = await ada.elsewhere();
  expect(ok(await ada.auth.revokeSessions())).toEqual({ status: true });
  expect([await other.session(), await ada.session()]).toEqual([null, null]);
});

test("updateSession has no field to change: 400", async () => {
  const ada = await Person.signedUp();
  const answer = await ada.call("/update-session", {});
  expect([refusal(answer), answer.error?.message]).toEqual(["400", "No fields to update"]);
});

describe("what a monitor and a lost browser call", () => {
  test("ok answers {ok: true}", async () => {
    expect(ok(await new Person().call("/ok"))).toEqual({ ok: true });
  });

  differs("error", "says on a page of its own what went wrong and what to do", {
    ours: [200, false],
    peer: [302, true],
    got: async () => {
      const lost = new Person();
      await lost.call("/error?error=state_mismatch");
      const { status } = lost.jar.last;
      return [status, status === 302 && /\/\?error=state_mismatch/.test(lost.jar.leadsTo ?? "")];
    },
  });

  test("an unknown call is a 404 without a body", async () => {
    const ada = new Person();
    const answer = await ada.call("/no-such-call");
    expect(refusal(answer)).toBe("404");
    expect(ada.jar.last.headers.get("content-type")).toBeNull();
  });
});
