import { describe, expect, test } from "vitest";
import { OTHER_PASSWORD, Person, SESSION, ok, refusal } from "./person";
import { BASE, mailTo, mailedLink, tokenOf } from "./target";
import { differs, oursAlone } from "./differs";

const SENT = { status: true, message: "If this email exists in our system, check your email for the reset link" };

/** Asks for a reset, and takes the link out of the mail. */
async function resetLink(ada: Person): Promise<URL> {
  ok(await ada.auth.requestPasswordReset({ email: ada.email, redirectTo: "/reset" }));
  return mailedLink(ada.email, "/reset-password/");
}

describe("requestPasswordReset", () => {
  test("answers the same for an address that has an account and one that has none", async () => {
    const ada = await Person.signedUp();
    const stranger = new Person();
    expect(ok(await ada.auth.requestPasswordReset({ email: ada.email, redirectTo: "/reset" }))).toEqual(SENT);
    expect(ok(await stranger.auth.requestPasswordReset({ email: stranger.email, redirectTo: "/reset" }))).toEqual(SENT);
    expect(await mailTo(stranger.email)).toEqual([]);
  });

  test("mails <base>/reset-password/<token>?callbackURL=<redirectTo>", async () => {
    const link = await resetLink(await Person.signedUp());
    expect(link.origin).toBe(BASE);
    expect(link.pathname).toMatch(/^\/api\/auth\/reset-password\/[\w-]{20,}$/);
    expect(link.searchParams.get("callbackURL")).toBe("/reset");
  });

  test("403 INVALID_REDIRECT_URL for another site's page", async () => {
    const { email, auth } = await Person.signedUp();
    const answer = await auth.requestPasswordReset({ email, redirectTo: "https://evil.example/reset" });
    expect(refusal(answer)).toBe("403 INVALID_REDIRECT_URL");
  });

  oursAlone("forgetPassword, its older name, does the same", "older clients call it", async () => {
    const ada = await Person.signedUp();
    expect(ok(await ada.named.forgetPassword({ email: ada.email, redirectTo: "/reset" }))).toEqual(SENT);
    expect(tokenOf(await mailedLink(ada.email, "/reset-password/"))).not.toBe("");
  });
});

describe("the link of the mail", () => {
  test("leads to the page, with the token", async () => {
    const ada = await Person.signedUp();
    const link = await resetLink(ada);
    await ada.call(`${link.pathname.replace("/api/auth", "")}${link.search}`);
    expect(ada.jar.last.status).toBe(302);
    expect(ada.jar.leadsTo).toBe(`${BASE}/reset?token=${tokenOf(link)}`);
  });

  test("leads to the page with INVALID_TOKEN when there is no such token", async () => {
    const ada = new Person();
    await ada.call("/reset-password/abcdefghijklmnopqrstuvwx?callbackURL=%2Freset");
    expect(ada.jar.leadsTo).toBe(`${BASE}/reset?error=INVALID_TOKEN`);
  });
});

describe("resetPassword", () => {
  test("sets the password and ends all sessions", async () => {
    const ada = await Person.signedUp();
    const token = tokenOf(await resetLink(ada));
    const elsewhere = new Person();
    expect(ok(await elsewhere.auth.resetPassword({ newPassword: OTHER_PASSWORD, token }))).toEqual({ status: true });
    expect(await ada.session()).toBeNull();
    const { email, auth } = ada;
    expect(refusal(await auth.signIn.email({ email, password: ada.password }))).toBe("401 INVALID_EMAIL_OR_PASSWORD");
    expect(refusal(await auth.signIn.email({ email, password: OTHER_PASSWORD }))).toBe("200");
  });

  test("400 INVALID_TOKEN when it is used again, and for one that never was", async () => {
    const ada = await Person.signedUp();
    const token = tokenOf(await resetLink(ada));
    ok(await ada.auth.resetPassword({ newPassword: OTHER_PASSWORD, token }));
    for (const dead of [token, "abcdefghijklmnopqrstuvwx"]) {
      expect(refusal(await ada.auth.resetPassword({ newPassword: OTHER_PASSWORD, token: dead }))).toBe("400 INVALID_TOKEN");
    }
  });

  test("400 PASSWORD_TOO_SHORT, and the token is still good", async () => {
    const ada = await Person.signedUp();
    const token = tokenOf(await resetLink(ada));
    expect(refusal(await ada.auth.resetPassword({ newPassword: "Sh0rt!", token }))).toBe("400 PASSWORD_TOO_SHORT");
    ok(await ada.auth.resetPassword({ newPassword: OTHER_PASSWORD, token }));
  });

  test("takes the token as a parameter, too", async () => {
    const ada = await Person.signedUp();
    const token = tokenOf(await resetLink(ada));
    ok(await ada.call(`/reset-password?token=${token}`, { newPassword: OTHER_PASSWORD }));
  });
});

describe("changePassword", () => {
  test("changes it, leaves this session, and answers with the user", async () => {
    const ada = await Person.signedUp();
    const change = { currentPassword: ada.password, newPassword: OTHER_PASSWORD };
    expect(ok(await ada.auth.changePassword(change))).toMatchObject({ token: null, user: { email: ada.email } });
    expect(await ada.session()).not.toBeNull();
    ada.password = OTHER_PASSWORD;
    await ada.signIn();
  });

  differs("the other sessions are left", "whoever got in with the old password is out (attack A19)", {
    ours: false,
    peer: true,
    got: async () => {
      const ada = await Person.signedUp();
      const other = await ada.elsewhere();
      ok(await ada.auth.changePassword({ currentPassword: ada.password, newPassword: OTHER_PASSWORD }));
      return (await other.session()) !== null;
    },
  });

  test("revokeOtherSessions ends them all, and this browser gets a new one", async () => {
    const ada = await Person.signedUp();
    const other = await ada.elsewhere();
    const before = (await ada.session())?.session.id;
    const change = { currentPassword: ada.password, newPassword: OTHER_PASSWORD, revokeOtherSessions: true };
    const { token } = ok(await ada.auth.changePassword(change));
    expect(token).toMatch(/^\w{32}$/);
    expect(decodeURIComponent(ada.jar.set(SESSION)?.value ?? "").split(".")[0]).toBe(token);
    expect(await other.session()).toBeNull();
    const after = await ada.session();
    expect(after?.session.id).not.toBe(before);
    expect(after?.user.email).toBe(ada.email);
  });

  test("400 INVALID_PASSWORD for a wrong one, PASSWORD_TOO_SHORT for a new one that is", async () => {
    const { auth, password } = await Person.signedUp();
    const wrong = await auth.changePassword({ currentPassword: OTHER_PASSWORD, newPassword: OTHER_PASSWORD });
    const short = await auth.changePassword({ currentPassword: password, newPassword: "Sh0rt!" });
    expect([refusal(wrong), refusal(short)]).toEqual(["400 INVALID_PASSWORD", "400 PASSWORD_TOO_SHORT"]);
  });

  test("401 UNAUTHORIZED for somebody who is not signed in", async () => {
    const answer = await new Person().auth.changePassword({ currentPassword: "x", newPassword: OTHER_PASSWORD });
    expect(refusal(answer)).toBe("401 UNAUTHORIZED");
  });
});

test("verifyPassword says whether it is the right one", async () => {
  const ada = await Person.signedUp();
  expect(ok(await ada.named.verifyPassword({ password: ada.password }))).toEqual({ status: true });
  expect(refusal(await ada.named.verifyPassword({ password: OTHER_PASSWORD }))).toBe("400 INVALID_PASSWORD");
});
