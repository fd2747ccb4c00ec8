import * as OTPAuth from "otpauth";
import { describe, expect, test } from "vitest";
import { OTHER_PASSWORD, Person, SESSION, ok, refusal } from "./person";
import { differs } from "./differs";
import { PEER, mailTo } from "./target";

const CHALLENGE = "better-auth.two_factor";
const TRUSTED = "better-auth.trust_device";
const PERIOD_MS = 30_000;

/** The app on the phone. Each code is of a later step than the one before: a server takes a step once. */
class Authenticator {
  readonly totp: OTPAuth.TOTP;
  #last = 0;

  constructor(uri: string) {
    this.totp = OTPAuth.URI.parse(uri) as OTPAuth.TOTP;
  }

  async code(): Promise<string> {
    const now = () => Math.floor(Date.now() / PERIOD_MS);
    const step = Math.max(this.#last + 1, now() - 1);
    // A clock may be one step fast, and no more.
    while (step > now() + 1) await new Promise((later) => setTimeout(later, 200));
    this.#last = step;
    return this.totp.generate({ timestamp: step * PERIOD_MS });
  }

  /** One that is right at no time near now. */
  wrong(): string {
    const near = [-2, -1, 0, 1, 2].map((off) => this.totp.generate({ timestamp: Date.now() + off * PERIOD_MS }));
    return ["000000", "111111", "222222", "333333", "444444", "555555"].find((code) => !near.includes(code)) ?? "666666";
  }
}

interface Guarded {
  ada: Person;
  app: Authenticator;
  backupCodes: string[];
}

async function enabled(): Promise<Guarded> {
  const ada = await Person.signedUp();
  const answer = ok(await ada.auth.twoFactor.enable({ password: ada.password })) as { totpURI: string; backupCodes: string[] };
  const app = new Authenticator(answer.totpURI);
  ok(await ada.auth.twoFactor.verifyTotp({ code: await app.code() }));
  return { ada, app, backupCodes: answer.backupCodes };
}

/** The password is right, and the second factor is asked for. */
async function challenged(ada: Person): Promise<Person> {
  const other = new Person(ada.email);
  ok(await other.auth.signIn.email({ email: ada.email, password: ada.password }));
  return other;
}

describe("twoFactor.enable", () => {
  test("answers with the URI for the app (6 digits, 30 s, SHA1) and ten backup codes", async () => {
    const ada = await Person.signedUp();
    const answer = ok(await ada.auth.twoFactor.enable({ password: ada.password })) as { totpURI: string; backupCodes: string[] };
    expect(answer).toMatchObject({ method: "totp", totpURI: expect.stringMatching(/^otpauth:\/\/totp\//) });
    expect(answer.backupCodes).toHaveLength(10);
    for (const code of answer.backupCodes) expect(code).toMatch(/^\w{5}-\w{5}$/);
    const { digits, period, algorithm, secret } = new Authenticator(answer.totpURI).totp;
    expect([digits, period, algorithm]).toEqual([6, 30, "SHA1"]);
    expect(secret.bytes.length).toBeGreaterThanOrEqual(20);
  });

  test("asks for nothing at sign-in before a code was verified", async () => {
    const ada = await Person.signedUp();
    ok(await ada.auth.twoFactor.enable({ password: ada.password }));
    expect((await ada.session())?.user.twoFactorEnabled).toBe(false);
    expect(await ada.signIn()).toHaveProperty("token");
  });

  test("400 INVALID_PASSWORD, 401 UNAUTHORIZED", async () => {
    const ada = await Person.signedUp();
    expect(refusal(await ada.auth.twoFactor.enable({ password: OTHER_PASSWORD }))).toBe("400 INVALID_PASSWORD");
    expect(refusal(await new Person().auth.twoFactor.enable({ password: "x" }))).toBe("401 UNAUTHORIZED");
  });
});

describe("twoFactor.verifyTotp when it is turned on", () => {
  test("turns it on, and the session is another one", async () => {
    const ada = await Person.signedUp();
    const { totpURI } = ok(await ada.auth.twoFactor.enable({ password: ada.password })) as { totpURI: string };
    const before = ada.jar.cookies.get(SESSION);
    const answer = ok(await ada.auth.twoFactor.verifyTotp({ code: await new Authenticator(totpURI).code() }));
    expect(answer).toMatchObject({ token: expect.any(String), user: { email: ada.email } });
    expect(ada.jar.cookies.get(SESSION)).not.toBe(before);
    expect((await ada.session())?.user.twoFactorEnabled).toBe(true);
  });

  test("401 INVALID_CODE", async () => {
    const ada = await Person.signedUp();
    const { totpURI } = ok(await ada.auth.twoFactor.enable({ password: ada.password })) as { totpURI: string };
    const answer = await ada.auth.twoFactor.verifyTotp({ code: new Authenticator(totpURI).wrong() });
    expect(refusal(answer)).toBe("401 INVALID_CODE");
  });
});

describe("signing in with two factors", () => {
  test("signIn.email answers twoFactorRedirect, sets no session, and a cookie for 10 minutes", async () => {
    const { ada } = await enabled();
    const other = new Person(ada.email);
    const answer = ok(await other.auth.signIn.email({ email: ada.email, password: ada.password }));
    expect(answer).toEqual({ twoFactorRedirect: true, twoFactorMethods: ["totp"] });
    expect(other.jar.cookies.has(SESSION)).toBe(false);
    expect(other.jar.set(CHALLENGE)?.attributes).toMatchObject({ "max-age": "600", httponly: "", path: "/" });
    expect(await other.session()).toBeNull();
  });

  differs("set-auth-token of the half-way answer opens nothing", "none is sent; the peer's names a session that is gone", {
    ours: false,
    peer: true,
    async got() {
      const { ada } = await enabled();
      return (await challenged(ada)).jar.last.headers.has("set-auth-token");
    },
  });

  test("twoFactor.verifyTotp finishes it", async () => {
    const { ada, app } = await enabled();
    const other = await challenged(ada);
    const answer = ok(await other.auth.twoFactor.verifyTotp({ code: await app.code() }));
    expect(answer).toMatchObject({ token: expect.stringMatching(/^\w{32}$/), user: { email: ada.email } });
    expect(other.jar.set(SESSION)?.attributes["max-age"]).toBe("604800");
    expect(other.jar.cookies.has(CHALLENGE)).toBe(false);
    expect((await other.session())?.user.email).toBe(ada.email);
  });

  test("401 INVALID_CODE leaves it open, and the right one still works", async () => {
    const { ada, app } = await enabled();
    const other = await challenged(ada);
    expect(refusal(await other.auth.twoFactor.verifyTotp({ code: app.wrong() }))).toBe("401 INVALID_CODE");
    ok(await other.auth.twoFactor.verifyTotp({ code: await app.code() }));
  });

  test("401 INVALID_TWO_FACTOR_COOKIE without a password before", async () => {
    const answer = await new Person().auth.twoFactor.verifyTotp({ code: "123456" });
    expect(refusal(answer)).toBe("401 INVALID_TWO_FACTOR_COOKIE");
  });

  test("twoFactor.verifyBackupCode finishes it, once a code", async () => {
    const { ada, backupCodes } = await enabled();
    const [code = ""] = backupCodes;
    const first = await challenged(ada);
    expect(ok(await first.auth.twoFactor.verifyBackupCode({ code }))).toMatchObject({ user: { email: ada.email } });
    expect((await first.session())?.user.email).toBe(ada.email);
    const second = await challenged(ada);
    expect(refusal(await second.auth.twoFactor.verifyBackupCode({ code }))).toBe("401 INVALID_BACKUP_CODE");
    expect(await second.session()).toBeNull();
  });

  test("trustDevice: this browser is not asked again, another one is", async () => {
    const { ada, app } = await enabled();
    const other = await challenged(ada);
    ok(await other.auth.twoFactor.verifyTotp({ code: await app.code(), trustDevice: true }));
    expect(other.jar.set(TRUSTED)?.attributes).toMatchObject({ "max-age": "2592000", httponly: "", path: "/" });
    ok(await other.auth.signOut());
    expect(await other.signIn()).toMatchObject({ user: { email: ada.email } });
    expect(await other.session()).not.toBeNull();
    expect((await challenged(ada)).jar.cookies.has(SESSION)).toBe(false);
  });

  test("rememberMe: false holds beyond the second factor", async () => {
    const { ada, app } = await enabled();
    const other = new Person(ada.email);
    ok(await other.auth.signIn.email({ email: ada.email, password: ada.password, rememberMe: false }));
    ok(await other.auth.twoFactor.verifyTotp({ code: await app.code() }));
    expect(other.jar.set(SESSION)?.attributes).not.toHaveProperty("max-age");
  });
});

describe("twoFactor.getTotpUri", () => {
  test("shows the URI again to somebody who knows the password", async () => {
    const { ada, app } = await enabled();
    const { totpURI } = ok(await ada.auth.twoFactor.getTotpUri({ password: ada.password }));
    expect(new Authenticator(totpURI).totp.secret.base32).toBe(app.totp.secret.base32);
    expect(refusal(await ada.auth.twoFactor.getTotpUri({ password: OTHER_PASSWORD }))).toBe("400 INVALID_PASSWORD");
  });

  test("400 TOTP_NOT_ENABLED where there is none", async () => {
    const ada = await Person.signedUp();
    expect(refusal(await ada.auth.twoFactor.getTotpUri({ password: ada.password }))).toBe("400 TOTP_NOT_ENABLED");
  });
});

test("twoFactor.generateBackupCodes gives ten new ones, and the old ones are void", async () => {
  const { ada, backupCodes } = await enabled();
  const answer = ok(await ada.auth.twoFactor.generateBackupCodes({ password: ada.password }));
  expect(answer).toMatchObject({ status: true, backupCodes: expect.any(Array) });
  expect(answer.backupCodes).toHaveLength(10);
  const other = await challenged(ada);
  expect(refusal(await other.auth.twoFactor.verifyBackupCode({ code: backupCodes[0] ?? "" }))).toBe("401 INVALID_BACKUP_CODE");
  ok(await other.auth.twoFactor.verifyBackupCode({ code: answer.backupCodes[0] ?? "" }));
});

describe("twoFactor.disable", () => {
  test("turns it off: the password is enough again", async () => {
    const { ada } = await enabled();
    expect(ok(await ada.auth.twoFactor.disable({ password: ada.password }))).toEqual({ status: true });
    expect((await ada.session())?.user.twoFactorEnabled).toBe(false);
    expect((await (await ada.elsewhere()).session())?.user.email).toBe(ada.email);
  });

  test("400 INVALID_PASSWORD, and it stays on", async () => {
    const { ada } = await enabled();
    expect(refusal(await ada.auth.twoFactor.disable({ password: OTHER_PASSWORD }))).toBe("400 INVALID_PASSWORD");
    expect((await ada.session())?.user.twoFactorEnabled).toBe(true);
  });
});

/** The peer's reference has no way to mail codes set up. */
describe.skipIf(PEER)("codes by mail", () => {
  async function choosing(): Promise<Person> {
    const ada = await Person.verified();
    await ada.signIn();
    expect(ok(await ada.auth.twoFactor.enable({ password: ada.password, method: "otp" }))).toEqual({ method: "otp" });
    expect((await ada.session())?.user.twoFactorEnabled).toBe(true);
    return ada;
  }

  async function newest(ada: Person): Promise<string> {
    const mail = (await mailTo(ada.email)).find((one) => one.kind === "sign-in-code");
    return /\b\d{6}\b/.exec(mail?.text ?? "")?.[0] ?? "";
  }

  test("twoFactor.sendOtp mails one, and twoFactor.verifyOtp signs in with it, once", async () => {
    const ada = await choosing();
    const other = new Person(ada.email);
    const answer = ok(await other.auth.signIn.email({ email: ada.email, password: ada.password }));
    expect(answer).toEqual({ twoFactorRedirect: true, twoFactorMethods: ["otp"] });
    expect(ok(await other.auth.twoFactor.sendOtp())).toEqual({ status: true });
    const code = await newest(ada);
    expect(ok(await other.auth.twoFactor.verifyOtp({ code, trustDevice: true }))).toMatchObject({ user: { email: ada.email } });
    expect(other.jar.set(TRUSTED)?.attributes).toMatchObject({ "max-age": "2592000" });
    expect((await other.session())?.user.email).toBe(ada.email);
    const third = await challenged(ada);
    expect(refusal(await third.auth.twoFactor.verifyOtp({ code }))).toBe("400 OTP_HAS_EXPIRED");
  });

  test("401 INVALID_CODE, 403 EMAIL_NOT_VERIFIED, 400 TWO_FACTOR_NOT_ENABLED", async () => {
    const ada = await choosing();
    const other = await challenged(ada);
    ok(await other.auth.twoFactor.sendOtp());
    const wrong = String((Number(await newest(ada)) + 1) % 1_000_000).padStart(6, "0");
    expect(refusal(await other.auth.twoFactor.verifyOtp({ code: wrong }))).toBe("401 INVALID_CODE");
    const eve = await Person.signedUp();
    expect(refusal(await eve.auth.twoFactor.enable({ password: eve.password, method: "otp" }))).toBe("403 EMAIL_NOT_VERIFIED");
    expect(refusal(await eve.auth.twoFactor.sendOtp())).toBe("400 TWO_FACTOR_NOT_ENABLED");
  });
});
