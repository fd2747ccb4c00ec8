import { describe, expect, test } from "vitest";
import { OTHER_PASSWORD, Person, SESSION, freshEmail, ok, refusal } from "./person";
import { BASE, linksTo, mailTo, mailedLink, tokenOf } from "./target";

describe("updateUser", () => {
  test("changes name and image, and sets the cookie again", async () => {
    const ada = await Person.signedUp();
    const change = { name: "Ada L.", image: "https://pictures.example/ada.png" };
    expect(ok(await ada.auth.updateUser(change))).toEqual({ status: true });
    expect(ada.jar.set(SESSION)?.attributes["max-age"]).toBe("604800");
    expect((await ada.session())?.user).toMatchObject(change);
  });

  test("takes the image away with null", async () => {
    const ada = await Person.signedUp();
    ok(await ada.auth.updateUser({ image: "https://pictures.example/ada.png" }));
    ok(await ada.auth.updateUser({ image: null }));
    expect((await ada.session())?.user.image).toBeNull();
  });

  test("400 EMAIL_CAN_NOT_BE_UPDATED, FIELD_NOT_ALLOWED, and none to update", async () => {
    const ada = await Person.signedUp();
    expect(refusal(await ada.call("/update-user", { email: freshEmail() }))).toBe("400 EMAIL_CAN_NOT_BE_UPDATED");
    expect(refusal(await ada.call("/update-user", { role: "admin" }))).toBe("400 FIELD_NOT_ALLOWED");
    expect((await ada.call("/update-user", {})).error).toMatchObject({ status: 400, message: "No fields to update" });
    expect((await ada.session())?.user.role).toBe("student");
  });

  test("401 UNAUTHORIZED for somebody who is not signed in", async () => {
    expect(refusal(await new Person().auth.updateUser({ name: "Eve" }))).toBe("401 UNAUTHORIZED");
  });
});

describe("sendVerificationEmail", () => {
  test("mails the link again", async () => {
    const ada = await Person.signedUp();
    await mailedLink(ada.email, "verify-email");
    expect(ok(await ada.auth.sendVerificationEmail({ email: ada.email, callbackURL: "/" }))).toEqual({ status: true });
    const token = tokenOf(await mailedLink(ada.email, "verify-email", 2));
    ok(await ada.auth.verifyEmail({ query: { token } }));
  });

  test("tells a stranger nothing: the same for an unknown address and a verified one, and no mail", async () => {
    const { email } = await Person.verified();
    const before = (await linksTo(email, "verify-email")).length;
    const stranger = new Person();
    for (const address of [email, stranger.email]) {
      expect(ok(await stranger.auth.sendVerificationEmail({ email: address }))).toEqual({ status: true });
    }
    expect(await linksTo(email, "verify-email")).toHaveLength(before);
    expect(await mailTo(stranger.email)).toEqual([]);
  });

  test("400 EMAIL_ALREADY_VERIFIED, EMAIL_MISMATCH for somebody who is signed in", async () => {
    const { email, auth } = await Person.verified();
    expect(refusal(await auth.sendVerificationEmail({ email }))).toBe("400 EMAIL_ALREADY_VERIFIED");
    expect(refusal(await auth.sendVerificationEmail({ email: freshEmail() }))).toBe("400 EMAIL_MISMATCH");
  });
});

describe("verifyEmail", () => {
  test("confirms the address", async () => {
    const ada = await Person.signedUp();
    const token = tokenOf(await mailedLink(ada.email, "verify-email"));
    expect(ok(await ada.auth.verifyEmail({ query: { token } }))).toEqual({ status: true, user: null });
    expect((await ada.session())?.user.emailVerified).toBe(true);
  });

  test("leads to the callbackURL", async () => {
    const ada = await Person.signedUp();
    const token = tokenOf(await mailedLink(ada.email, "verify-email"));
    await ada.auth.verifyEmail({ query: { token, callbackURL: "/welcome" } });
    expect(ada.jar.leadsTo).toBe(`${BASE}/welcome`);
  });

  test("answers as before when the link is opened again", async () => {
    const ada = await Person.signedUp();
    const token = tokenOf(await mailedLink(ada.email, "verify-email"));
    for (let times = 0; times < 2; times += 1) ok(await ada.auth.verifyEmail({ query: { token } }));
  });

  test("401 INVALID_TOKEN, or a page with ?error=INVALID_TOKEN where there is one", async () => {
    const ada = new Person();
    expect(refusal(await ada.auth.verifyEmail({ query: { token: "x.y.z" } }))).toBe("401 INVALID_TOKEN");
    await ada.auth.verifyEmail({ query: { token: "x.y.z", callbackURL: "/welcome" } });
    expect(ada.jar.leadsTo).toBe(`${BASE}/welcome?error=INVALID_TOKEN`);
  });

  test("403 INVALID_CALLBACK_URL for another site's page", async () => {
    const ada = await Person.signedUp();
    const token = tokenOf(await mailedLink(ada.email, "verify-email"));
    const answer = await ada.auth.verifyEmail({ query: { token, callbackURL: "https://evil.example" } });
    expect(refusal(answer)).toBe("403 INVALID_CALLBACK_URL");
  });
});

describe("changeEmail", () => {
  test("an unconfirmed address: one mail, to the new one, moves it", async () => {
    const ada = await Person.signedUp();
    const newEmail = freshEmail();
    expect(ok(await ada.auth.changeEmail({ newEmail, callbackURL: "/account" }))).toEqual({ status: true });
    const token = tokenOf(await mailedLink(newEmail, "verify-email"));
    ok(await ada.auth.verifyEmail({ query: { token } }));
    expect((await ada.session())?.user.email).toBe(newEmail);
  });

  test("a confirmed address: a mail to the old one, then one to the new one, moves it", async () => {
    const ada = await Person.verified();
    const newEmail = freshEmail();
    const before = (await linksTo(ada.email, "verify-email")).length;
    expect(ok(await ada.auth.changeEmail({ newEmail, callbackURL: "/account" }))).toEqual({ status: true });
    const allow = tokenOf(await mailedLink(ada.email, "verify-email", before + 1));
    expect(await mailTo(newEmail)).toEqual([]);
    ok(await ada.auth.verifyEmail({ query: { token: allow } }));
    expect((await ada.session())?.user.email).toBe(ada.email);
    const confirm = tokenOf(await mailedLink(newEmail, "verify-email"));
    ok(await ada.auth.verifyEmail({ query: { token: confirm } }));
    expect((await ada.session())?.user).toMatchObject({ email: newEmail, emailVerified: true });
  });

  test("does not tell that an address is taken", async () => {
    const [ada, other] = [await Person.signedUp(), await Person.signedUp()];
    expect(ok(await ada.auth.changeEmail({ newEmail: other.email }))).toEqual({ status: true });
    expect((await ada.session())?.user.email).toBe(ada.email);
  });

  test("400 for the address that it is already", async () => {
    const ada = await Person.signedUp();
    const { error } = await ada.auth.changeEmail({ newEmail: ada.email });
    expect(error).toMatchObject({ status: 400, message: "Email is the same" });
  });

  test("401 UNAUTHORIZED for somebody who is not signed in", async () => {
    expect(refusal(await new Person().auth.changeEmail({ newEmail: freshEmail() }))).toBe("401 UNAUTHORIZED");
  });
});

describe("deleteUser", () => {
  test("with the password: the account is gone, and so are its cookies", async () => {
    const ada = await Person.signedUp();
    const other = await ada.elsewhere();
    expect(ok(await ada.auth.deleteUser({ password: ada.password }))).toEqual({ success: true, message: "User deleted" });
    expect(ada.jar.cookies.has(SESSION)).toBe(false);
    expect(await other.session()).toBeNull();
    const { email, password } = ada;
    expect(refusal(await ada.auth.signIn.email({ email, password }))).toBe("401 INVALID_EMAIL_OR_PASSWORD");
  });

  test("without one, on a session that is fresh", async () => {
    const ada = await Person.signedUp();
    expect(ok(await ada.auth.deleteUser())).toEqual({ success: true, message: "User deleted" });
    expect(await ada.session()).toBeNull();
  });

  test("400 INVALID_PASSWORD for a wrong one, and the account stays", async () => {
    const ada = await Person.signedUp();
    expect(refusal(await ada.auth.deleteUser({ password: OTHER_PASSWORD }))).toBe("400 INVALID_PASSWORD");
    expect(await ada.session()).not.toBeNull();
  });

  test("the address can sign up again", async () => {
    const ada = await Person.signedUp();
    ok(await ada.auth.deleteUser({ password: ada.password }));
    const { email, password } = ada;
    ok(await ada.auth.signUp.email({ name: "Ada", email, password }));
  });
});
