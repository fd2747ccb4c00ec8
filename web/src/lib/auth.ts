import { createAuthClient } from "better-auth/client";
import { Store } from "../live/store";

export interface User {
  id: string;
  name: string;
  email: string;
  emailVerified: boolean;
  role: string;
  twoFactorEnabled?: boolean;
}

export interface SignIn {
  id: string;
  token: string;
  createdAt: string | Date;
  updatedAt: string | Date;
  ipAddress?: string | null;
  userAgent?: string | null;
  /** The admin who acts as this person. */
  impersonatedBy?: string | null;
  /** In the list: the app that it was granted to, if it is an app's. */
  clientId?: string;
  clientName?: string;
}

export interface Session {
  pending: boolean;
  user: User | null;
  current: SignIn | null;
}

/** The official client: the same one that a page of any Better-Auth site uses. */
export const client = createAuthClient({ baseURL: window.location.origin, basePath: "/api/auth" });

export const session = new Store<Session>({ pending: true, user: null, current: null });

client.useSession.subscribe((state) => {
  const data = state.data as { user: User; session: SignIn } | null;
  // A refetch in the background keeps what is known; only the first load counts as pending.
  if (state.isPending && data === null && session.value.user === null) return;
  session.set({ pending: false, user: data?.user ?? null, current: data?.session ?? null });
});

export interface AuthFailure {
  code: string;
  message: string;
  /** With `SECOND_FACTOR`: what proves it, `totp` (an app) or `otp` (a mailed code). */
  methods?: string[];
}

type Answer<T> = { data: T | null; error: { code?: string | undefined; message?: string | undefined; status: number } | null };

/** What the server takes as a place to go back to, in characters. */
const LONGEST_URL = 2048;

const WORDS: Record<string, string> = {
  INVALID_EMAIL_OR_PASSWORD: "That e-mail and password do not match.",
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: "There is an account with this e-mail already. Sign in instead.",
  PASSWORD_TOO_WEAK: "The password needs 12 characters with upper and lower case, a digit and a special character.",
  PASSWORD_TOO_SHORT: "The password needs at least 12 characters.",
  PASSWORD_TOO_LONG: "The password may have at most 128 characters.",
  INVALID_PASSWORD: "That is not your password.",
  CREDENTIAL_ACCOUNT_NOT_FOUND: "Your account has no password. Ask for a link to choose one on the sign-in page.",
  BANNED_USER: "This account is suspended.",
  EMAIL_ALREADY_VERIFIED: "This e-mail is verified already. Reload the page.",
};

/** Null when all is well. */
function failure(answer: Answer<unknown>): AuthFailure | null {
  if (!answer.error) return null;
  const { code = "", message, status } = answer.error;
  if (status === 429) return { code: "RATE_LIMITED", message: "Too many tries. Wait a moment, then try again." };
  if (status === 0 || status === undefined) return { code: "OFFLINE", message: "The server cannot be reached." };
  return { code, message: WORDS[code] ?? message ?? `The server answered ${status}.` };
}

async function attempt(run: () => Promise<unknown>): Promise<AuthFailure | null> {
  try {
    return failure((await run()) as Answer<unknown>);
  } catch {
    return { code: "OFFLINE", message: "The server cannot be reached. Check the connection and try again." };
  }
}

/** Reads the session again, past any cache, and waits for the answer. */
export async function refreshSession(): Promise<User | null> {
  const answer = (await client.getSession({ query: { disableCookieCache: true } }).catch(() => null)) as Answer<{
    user: User;
    session: SignIn;
  }> | null;
  if (!answer || answer.error) return session.value.user;
  session.set({ pending: false, user: answer.data?.user ?? null, current: answer.data?.session ?? null });
  return answer.data?.user ?? null;
}

async function thenRefresh(run: () => Promise<unknown>): Promise<AuthFailure | null> {
  const failed = await attempt(run);
  if (!failed) await refreshSession();
  return failed;
}

export const auth = {
  signUp: (name: string, email: string, password: string) =>
    thenRefresh(() => client.signUp.email({ name, email, password, callbackURL: "/?verified=1" })),
  /** `SECOND_FACTOR`: the password is right, and a code is asked for. */
  signIn: async (email: string, password: string): Promise<AuthFailure | null> => {
    let methods: string[] | null = null;
    const failed = await thenRefresh(async () => {
      const answer = await client.signIn.email({ email, password });
      const step = answer.data as { twoFactorRedirect?: boolean; twoFactorMethods?: string[] } | null;
      if (step?.twoFactorRedirect === true) methods = step.twoFactorMethods ?? [];
      return answer;
    });
    return methods ? { code: "SECOND_FACTOR", message: "A second step is asked for.", methods } : failed;
  },
  signOut: () => thenRefresh(() => client.signOut()),
  resend: (email: string) => attempt(() => client.sendVerificationEmail({ email, callbackURL: "/?verified=1" })),
  /** `back`: where she was going; the page on which she chooses a password leads there. */
  forgot: (email: string, back: string) => {
    const page = `/api/auth/choose-password?continue=${encodeURIComponent(back)}`;
    const named = back !== "/" && page.length <= LONGEST_URL;
    return attempt(() => client.requestPasswordReset({ email, ...(named && { redirectTo: page }) }));
  },
  /** Ends all other sign-ins. */
  changePassword: (currentPassword: string, newPassword: string) =>
    thenRefresh(() => client.changePassword({ currentPassword, newPassword, revokeOtherSessions: true })),
  /** The password proves first who asks: an address is not moved by a session alone. */
  changeEmail: async (password: string, newEmail: string): Promise<AuthFailure | null> =>
    (await attempt(() => client.$fetch("/verify-password", { method: "POST", body: { password } }))) ??
    attempt(() => client.changeEmail({ newEmail, callbackURL: "/account" })),
  deleteAccount: (password: string) => thenRefresh(() => client.deleteUser({ password })),
  revoke: (token: string) => attempt(() => client.revokeSession({ token })),
  revokeOthers: () => attempt(() => client.revokeOtherSessions()),
  sessions: async (): Promise<SignIn[]> => {
    const answer = (await client.listSessions()) as Answer<SignIn[]>;
    if (answer.error) throw new Error(answer.error.message ?? "The sessions could not be read.");
    return answer.data ?? [];
  },
  /** An access token for the live protocol's in-band renewal. */
  token: async (): Promise<string> => {
    const response = await fetch("/api/auth/token", { credentials: "same-origin" });
    if (!response.ok) throw new Error(`token: ${response.status}`);
    return ((await response.json()) as { token: string }).token;
  },
};

export function isStaff(user: User | null): boolean {
  return user?.role === "admin" || user?.role === "instructor";
}
