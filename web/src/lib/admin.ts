// What admins ask of the server over HTTP: people, the log of account events, the outbox.
import { Refused } from "../live/refused";

export interface Person {
  id: string;
  name: string;
  email: string;
  emailVerified: boolean;
  role: string;
  banned: boolean;
  banReason: string | null;
  banExpires: string | null;
  createdAt: string;
  twoFactorEnabled: boolean;
}

export interface PersonSession {
  id: string;
  /** A handle: it ends the session and signs nobody in. */
  token: string;
  createdAt: string;
  updatedAt: string;
  ipAddress: string | null;
  userAgent: string | null;
  impersonatedBy: string | null;
  /** The app that it was granted to, if it is an app's. */
  clientId?: string;
  clientName?: string;
}

export interface AccountEvent {
  id: string;
  at: string;
  type: string;
  user: string | null;
  email: string | null;
  address: string | null;
  agent: string | null;
  detail: Record<string, unknown>;
}

export interface EventFilter {
  type?: string;
  email?: string;
  address?: string;
  from?: string;
  to?: string;
}

export interface DeadMail {
  id: string;
  kind: string;
  recipient: string;
  subject: string;
  tries: number;
  last_error: string | null;
  created_at: string;
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method, credentials: "same-origin", headers: { accept: "application/json" } };
  if (body !== undefined) {
    init.headers = { accept: "application/json", "content-type": "application/json" };
    init.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new Refused("offline", "The server cannot be reached. Check the connection and try again.");
  }
  if (response.status === 204) return undefined as T;
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok) return answer as T;
  // The account calls answer in Better-Auth's dialect, the others in ours.
  const said = answer as { code?: string; message?: string; error?: { code?: string; message?: string } } | null;
  const code = response.status === 401 ? "unauthorized" : (said?.error?.code ?? said?.code ?? "internal");
  throw new Refused(code, said?.error?.message ?? said?.message ?? `The server answered ${response.status}.`);
}

const account = <T>(name: string, body: unknown) => call<T>("POST", `/api/auth/admin/${name}`, body);

export function query(fields: Record<string, string | undefined>): string {
  const given = Object.entries(fields).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return String(new URLSearchParams(given));
}

export const admin = {
  people: (search: string, role: string, offset: number, limit: number) => {
    const filter = role ? { filterField: "role", filterValue: role } : {};
    // An address or a name: whichever the words look like.
    const field = search.includes("@") ? "email" : "name";
    const wanted = { searchValue: search, searchField: field, sortBy: "createdAt", sortDirection: "desc", offset: String(offset), limit: String(limit), ...filter };
    return call<{ users: Person[]; total: number }>("GET", `/api/auth/admin/list-users?${query(wanted)}`);
  },
  create: (person: { name: string; email: string; password?: string; role: string; data: { emailVerified: boolean } }) =>
    account<{ user: Person }>("create-user", person),
  setRole: (userId: string, role: string) => account<{ user: Person }>("set-role", { userId, role }),
  ban: (userId: string, banReason: string, days: number) =>
    account<{ user: Person }>("ban-user", { userId, ...(banReason && { banReason }), ...(days > 0 && { banExpiresIn: days * 86_400 }) }),
  unban: (userId: string) => account<{ user: Person }>("unban-user", { userId }),
  setPassword: (userId: string, newPassword: string) => account<{ status: boolean }>("set-user-password", { userId, newPassword }),
  remove: (userId: string) => account<{ success: boolean }>("remove-user", { userId }),
  sessions: async (userId: string) => (await account<{ sessions: PersonSession[] }>("list-user-sessions", { userId })).sessions,
  endSession: (sessionToken: string) => account<{ success: boolean }>("revoke-user-session", { sessionToken }),
  endSessions: (userId: string) => account<{ success: boolean }>("revoke-user-sessions", { userId }),
  impersonate: (userId: string) => account<unknown>("impersonate-user", { userId }),
  stopImpersonating: () => account<unknown>("stop-impersonating", {}),
  events: (filter: EventFilter, before?: string) =>
    call<{ events: AccountEvent[]; next?: string }>("GET", `/api/v1/admin/auth-events?${query({ ...filter, before })}`),
  exportPath: (filter: EventFilter, format: "csv" | "jsonl") => `/api/v1/admin/auth-events/export?${query({ ...filter, format })}`,
  deadMails: (before?: string) => call<{ mails: DeadMail[]; next?: string }>("GET", `/api/v1/admin/mail?${query({ state: "dead", before })}`),
  retryMail: (id: string) => call<unknown>("POST", `/api/v1/admin/mail/${encodeURIComponent(id)}/retry`, {}),
  dropMail: (id: string) => call<unknown>("DELETE", `/api/v1/admin/mail/${encodeURIComponent(id)}`),
};
