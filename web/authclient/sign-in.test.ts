import { describe, expect, test } from "vitest";
import { OTHER_PASSWORD, Person, SESSION, client, ok, refusal, seen } from "./person";
import { Jar } from "./jar";
import { BASE } from "./target";

const CLEARED = [SESSION, "better-auth.session_data", "better-auth.dont_remember"];

describe("signIn.email", () => {
  test("answers with the token and the user, and no redirect", async () => {
    const ada = await (await Person.signedUp()).elsewhere();
    const answer = await ada.signIn();
    expect(answer).toMatchObject({ redirect: false, token: expect.stringMatching(/^\w{32}$/), user: { email: ada.email } });
    expect(answer.user.createdAt).toBeInstanceOf(Date);
    expect(ada.jar.set(SESSION)?.attributes["max-age"]).toBe("604800");
  });

  test("a callbackURL comes back as url, with a Location, and the status stays 200", async () => {
    const ada = await Person.signedUp();
    const { email, password } = ada;
    const answer = ok(await ada.auth.signIn.email({ email, password, callbackURL: "/learn" }));
    expect(answer).toMatchObject({ redirect: true, url: "/learn", user: { email } });
    expect([ada.jar.last.status, ada.jar.last.headers.get("location")]).toEqual([200, "/learn"]);
  });

  test("rememberMe: false gives a cookie for this browser session", async () => {
    const { email, password, jar, auth } = await Person.signedUp();
    ok(await auth.signIn.email({ email, password, rememberMe: false }));
    expect(jar.set(SESSION)?.attributes).not.toHaveProperty("max-age");
    expect(jar.set("better-auth.dont_remember")?.value).toMatch(/^true\./);
  });

  test("rememberMe: false ends within a day or so, though the browser stays open", async () => {
    const { email, password, auth } = await Person.signedUp();
    ok(await auth.signIn.email({ email, password, rememberMe: false }));
    const session = seen(await auth.getSession())?.session;
    const hours = ((session?.expiresAt.getTime() ?? 0) - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(23);
    expect(hours).toBeLessThan(25);
  });

  test("any case of the address signs in", async () => {
    const { email, password } = await Person.signedUp();
    const { auth } = new Person();
    expect(ok(await auth.signIn.email({ email: email.toUpperCase(), password })).user.email).toBe(email);
  });

  test("401 INVALID_EMAIL_OR_PASSWORD, the same for a wrong password and an unknown address", async () => {
    const { email } = await Person.signedUp();
    const eve = new Person();
    const wrong = await eve.auth.signIn.email({ email, password: OTHER_PASSWORD });
    const unknown = await eve.auth.signIn.email({ email: eve.email, password: OTHER_PASSWORD });
    expect(refusal(wrong)).toBe("401 INVALID_EMAIL_OR_PASSWORD");
    expect(wrong.error?.message).toBe("Invalid email or password");
    expect(unknown.error).toEqual(wrong.error);
  });

  test("400 for what is no address", async () => {
    const answer = await new Person().auth.signIn.email({ email: "no address", password: OTHER_PASSWORD });
    expect(refusal(answer)).toBe("400 INVALID_EMAIL");
    expect(answer.error?.message).toBe("Invalid email");
  });

  test.each(["https://evil.example", "//evil.example", "/\\evil.example", "/%5cevil.example", "javascript:alert(1)"])(
    "403 INVALID_CALLBACK_URL for %s",
    async (callbackURL) => {
      const { email, password, auth } = new Person();
      expect(refusal(await auth.signIn.email({ email, password, callbackURL }))).toBe("403 INVALID_CALLBACK_URL");
    },
  );

  test("403 INVALID_ORIGIN from a page of another site", async () => {
    const { email, password } = await Person.signedUp();
    const eve = new Person();
    eve.jar.origin = "https://evil.example";
    expect(refusal(await eve.auth.signIn.email({ email, password }))).toBe("403 INVALID_ORIGIN");
  });
});

describe("signOut", () => {
  test("ends the session and clears its cookies", async () => {
    const ada = await Person.signedUp();
    const other = client(new Jar(BASE));
    const bearer = ada.jar.last.headers.get("set-auth-token") ?? "";
    expect(ok(await ada.auth.signOut())).toEqual({ success: true });
    for (const name of CLEARED) expect(ada.jar.set(name)).toMatchObject({ value: "", attributes: { "max-age": "0", path: "/" } });
    // A device that its owner has used stays known: that lets her in while others lock her account.
    expect([...ada.jar.cookies.keys()].filter((name) => !name.endsWith("intellistack.known_device"))).toEqual([]);
    expect(seen(await other.getSession({ fetchOptions: { auth: { type: "Bearer", token: bearer } } }))).toBeNull();
  });

  test("succeeds for somebody who is not signed in", async () => {
    expect(ok(await new Person().auth.signOut())).toEqual({ success: true });
  });

  test("403 INVALID_ORIGIN, MISSING_OR_NULL_ORIGIN: another site's page cannot sign a person out", async () => {
    const ada = await Person.signedUp();
    const refusals = [];
    for (const origin of ["https://evil.example", "null", null]) {
      ada.jar.origin = origin;
      refusals.push(refusal(await ada.auth.signOut()));
    }
    expect(refusals).toEqual(["403 INVALID_ORIGIN", "403 MISSING_OR_NULL_ORIGIN", "403 MISSING_OR_NULL_ORIGIN"]);
    ada.jar.origin = BASE;
    expect(await ada.session()).not.toBeNull();
  });
});
