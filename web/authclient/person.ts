import { randomBytes } from "node:crypto";
import { createAuthClient } from "better-auth/client";
import { adminClient, jwtClient, twoFactorClient } from "better-auth/client/plugins";
import { Jar } from "./jar";
import { BASE, account, mailedLink, tokenOf } from "./target";

export const PASSWORD = "Otter-Lamp42!-Quiet";
export const OTHER_PASSWORD = "Heron-Kite77?-Brisk";
export const SESSION = "better-auth.session_token";

/** What a page would make, and a jar in the place of the browser's. */
export function client(jar: Jar) {
  return createAuthClient({
    baseURL: BASE,
    plugins: [adminClient(), twoFactorClient(), jwtClient()],
    fetchOptions: { customFetchImpl: jar.fetch },
  });
}

export type Client = ReturnType<typeof client>;

export function freshEmail(): string {
  return `ada.${randomBytes(6).toString("hex")}@example.test`;
}

/** Somebody in front of a browser of their own. */
export class Person {
  readonly jar = new Jar(BASE);
  readonly auth: Client = client(this.jar);
  readonly email: string;
  password = PASSWORD;

  constructor(email: string = freshEmail()) {
    this.email = email;
  }

  /** With an account and signed in; the address is not confirmed. */
  static async signedUp(): Promise<Person> {
    const person = new Person();
    ok(await person.auth.signUp.email({ name: "Ada", email: person.email, password: PASSWORD }));
    return person;
  }

  static async verified(): Promise<Person> {
    const person = await Person.signedUp();
    const token = tokenOf(await mailedLink(person.email, "verify-email"));
    ok(await person.auth.verifyEmail({ query: { token } }));
    return person;
  }

  static async demo(role: string): Promise<Person> {
    const { email, password } = account(role);
    const person = new Person(email);
    person.password = password;
    await person.signIn();
    return person;
  }

  /** The same account in another browser. */
  async elsewhere(): Promise<Person> {
    const other = new Person(this.email);
    other.password = this.password;
    await other.signIn();
    return other;
  }

  async signIn() {
    return ok(await this.auth.signIn.email({ email: this.email, password: this.password }));
  }

  async session() {
    return seen(await this.auth.getSession());
  }

  async id(): Promise<string> {
    const session = await this.session();
    if (!session) throw new Error(`${this.email} is not signed in`);
    return session.user.id;
  }

  /** Calls that the client's types do not name: it makes the path from any name all the same. */
  get named(): Named {
    return this.auth as unknown as Named;
  }

  /** A call by its path, where the client's own way of making one cannot do what is tested. */
  call(path: string, body?: Record<string, unknown>): Promise<Answer<Record<string, unknown>>> {
    const answer = body ? this.auth.$fetch(path, { method: "POST", body }) : this.auth.$fetch(path);
    return answer as Promise<Answer<Record<string, unknown>>>;
  }
}

type Free = (argument: Record<string, unknown>) => Promise<Answer<Record<string, unknown>>>;

interface Named {
  forgetPassword: Free;
  verifyPassword: Free;
  unlinkAccount: Free;
  getAccessToken: Free;
  refreshToken: Free;
  accountInfo: Free;
}

interface Failure {
  status: number;
  code?: string | undefined;
  message?: string | undefined;
}

export interface Answer<T> {
  data: T | null;
  error: Failure | null;
}

/** The data of an answer that must not be an error; null is an answer, too. */
export function seen<T>({ data, error }: Answer<T>): T | null {
  if (error) throw new Error(`refused with ${error.status} ${error.code ?? ""}: ${error.message ?? ""}`);
  return data;
}

export function ok<T>(answer: Answer<T>): T {
  const data = seen(answer);
  if (data === null) throw new Error("the answer is empty");
  return data;
}

/** How a call was refused, in one line; "200" if it was not. */
export function refusal({ error }: Answer<unknown>): string {
  return error ? [error.status, error.code].filter(Boolean).join(" ") : "200";
}
