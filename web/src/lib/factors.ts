import { type AuthFailure, refreshSession } from "./auth";

export interface Provider {
  id: string;
  name: string;
}

export interface LinkedAccount {
  id: string;
  providerId: string;
  createdAt: string;
}

/** What the person lets an app do. */
export interface AppAccess {
  id: string;
  clientId: string;
  clientName: string | null;
  scopes: string[];
  /** The school lets the app in without asking anybody. */
  bySchool: boolean;
  createdAt: string;
}

export interface Passkey {
  id: string;
  name: string | null;
  deviceType: string;
  createdAt: string;
}

export interface Enrolled {
  totpURI: string;
  backupCodes: string[];
}

export type Result<T> = { data: T; failed: null } | { data: null; failed: AuthFailure };

const WORDS: Record<string, string> = {
  INVALID_CODE: "That code is wrong, or was used before. Wait for the next one.",
  INVALID_BACKUP_CODE: "That recovery code is wrong, or was used before.",
  INVALID_TWO_FACTOR_COOKIE: "That took too long. Sign in with your password again.",
  TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE: "Too many wrong codes. Sign in with your password again.",
  ACCOUNT_TEMPORARILY_LOCKED: "Too many wrong codes. Try again in a quarter of an hour.",
  INVALID_PASSWORD: "That is not your password.",
  SESSION_NOT_FRESH: "For your safety: sign out, sign in again, and do this within five minutes.",
  OTP_HAS_EXPIRED: "That code is too old, or none was mailed. Ask for another.",
  OTP_NOT_CONFIGURED: "No mail is sent here, so no code can be mailed.",
  EMAIL_NOT_VERIFIED: "Confirm your address first: open the link that we mailed to you.",
  PASSKEY_NOT_FOUND: "That passkey is not known here.",
  AUTHENTICATION_FAILED: "That passkey was not accepted.",
  PREVIOUSLY_REGISTERED: "That passkey is on your account already.",
  FAILED_TO_UNLINK_LAST_ACCOUNT: "This is your only way to sign in: it cannot be removed.",
};

async function call<T>(path: string, body?: object): Promise<Result<T>> {
  try {
    const answer = await fetch(`/api/auth${path}`, {
      credentials: "same-origin",
      ...(body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    const data = (await answer.json().catch(() => null)) as (T & { code?: string; message?: string }) | null;
    if (answer.ok) return { data: data as T, failed: null };
    const code = data?.code ?? "";
    return { data: null, failed: { code, message: WORDS[code] ?? data?.message ?? `The server answered ${answer.status}.` } };
  } catch {
    return { data: null, failed: { code: "OFFLINE", message: "The server cannot be reached. Check the connection and try again." } };
  }
}

async function thenRefresh<T>(result: Promise<Result<T>>): Promise<Result<T>> {
  const done = await result;
  if (!done.failed) await refreshSession();
  return done;
}

/** A ceremony that the person or the authenticator broke off. */
function brokenOff(error: unknown): Result<never> {
  const known = error instanceof DOMException && error.name === "InvalidStateError";
  const message = known ? WORDS["PREVIOUSLY_REGISTERED"]! : "Nothing was done: the passkey was not used.";
  return { data: null, failed: { code: "CANCELLED", message } };
}

/** Browsers have passkeys on https and localhost, and never under an address of numbers. */
export const passkeysWork = (): boolean =>
  "PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential && !/^[\d.:[\]]+$/.test(location.hostname);

async function leaveFor(path: string, body: object): Promise<AuthFailure | null> {
  const { data, failed } = await call<{ url: string }>(path, { ...body, disableRedirect: true });
  if (data) location.assign(data.url);
  return failed;
}

export const factors = {
  providers: () => call<Provider[]>("/social-providers"),
  /** Leaves the page for the provider's. Who gets nowhere there comes back to the form, which knows where to go on. */
  signInBy: (provider: string, back: string, anew: boolean) => {
    const again = new URLSearchParams({ callbackURL: back, ...(anew && { prompt: "login" }) });
    return leaveFor("/sign-in/social", { provider, callbackURL: back, errorCallbackURL: `/sign-in?${again}` });
  },
  link: (provider: string) => leaveFor("/link-social", { provider, callbackURL: "/account", errorCallbackURL: "/account" }),
  linked: () => call<LinkedAccount[]>("/list-accounts"),
  unlink: (account: LinkedAccount) => call("/unlink-account", { accountId: account.id }),

  apps: () => call<AppAccess[]>("/oauth2/get-consents"),
  withdraw: (app: AppAccess) => call("/oauth2/delete-consent", { id: app.id }),

  verify: (code: string, trustDevice: boolean) =>
    thenRefresh(call(/^\s*\d[\d\s]*$/.test(code) ? "/two-factor/verify-totp" : "/two-factor/verify-backup-code", { code, trustDevice })),
  /** Of somebody at the second step. */
  sendCode: () => call("/two-factor/send-otp", {}),
  verifyMailed: (code: string, trustDevice: boolean) => thenRefresh(call("/two-factor/verify-otp", { code, trustDevice })),
  enableMail: (password: string) =>
    thenRefresh(call("/two-factor/enable", { method: "otp", ...(password !== "" && { password }) })),
  enable: (password: string) => call<Enrolled>("/two-factor/enable", password === "" ? {} : { password }),
  disable: (password: string) => thenRefresh(call("/two-factor/disable", password === "" ? {} : { password })),
  newCodes: (password: string) => call<Enrolled>("/two-factor/generate-backup-codes", password === "" ? {} : { password }),

  passkeys: () => call<Passkey[]>("/passkey/list-user-passkeys"),
  deletePasskey: (id: string) => call("/passkey/delete-passkey", { id }),
  async addPasskey(name: string): Promise<Result<unknown>> {
    const options = await call<PublicKeyCredentialCreationOptionsJSON>("/passkey/generate-register-options");
    if (options.failed) return options;
    try {
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options.data);
      const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
      return await call("/passkey/verify-registration", { response: made.toJSON(), name });
    } catch (error) {
      return brokenOff(error);
    }
  },
  async signInByPasskey(): Promise<Result<unknown>> {
    const options = await call<PublicKeyCredentialRequestOptionsJSON>("/passkey/generate-authenticate-options");
    if (options.failed) return options;
    try {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options.data);
      const signed = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
      return await thenRefresh(call("/passkey/verify-authentication", { response: signed.toJSON() }));
    } catch (error) {
      return brokenOff(error);
    }
  },
};

/** What the `error` means that a provider's way back ends with. */
export function providerError(search: string): string | null {
  const error = new URLSearchParams(search).get("error");
  if (error === null) return null;
  const words: Record<string, string> = {
    access_denied: "You did not allow it there, so nothing was done.",
    state_mismatch: "That took too long, or was begun in another window. Try again.",
    account_not_linked: "There is an account with your address. Sign in to it and link the other on your account page. If you have not confirmed its address yet, open the link that we mailed to you first.",
    email_does_not_match: "That account has another address than yours.",
    account_already_linked_to_different_user: "That account is linked to somebody else.",
    email_not_found: "That account has no address that we may know.",
    signup_disabled: "There is no account of yours here, and this school makes accounts itself.",
    banned: "This account is suspended.",
    provider_unavailable: "The other site does not answer just now. Try again in a moment.",
  };
  return words[error] ?? "Signing in there did not work. Try again.";
}
