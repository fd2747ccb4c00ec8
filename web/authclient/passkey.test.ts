// The passkey plugin's client, with an authenticator in software in the place of the browser's. The
// plugin is not in web/package.json: `npm ci` in reference/ brings it, and without it this is left out.
import { existsSync } from "node:fs";
import { createAuthClient } from "better-auth/client";
import { describe, expect, test } from "vitest";
import { Authenticator } from "./authenticator";
import { Person, SESSION, ok, refusal, seen, type Answer } from "./person";
import { BASE } from "./target";

const plugin = new URL("./reference/node_modules/@better-auth/passkey/dist/client.mjs", import.meta.url);

interface Passkey {
  id: string;
  name?: string;
  userId: string;
  credentialID: string;
  createdAt: Date;
}

type Call<T> = (argument?: Record<string, unknown>) => Promise<Answer<T>>;

interface PasskeyCalls {
  signIn: { passkey: Call<{ session: { userId: string }; user: { email: string } }> };
  passkey: {
    addPasskey: Call<Passkey>;
    listUserPasskeys: Call<Passkey[]>;
    updatePasskey: Call<{ passkey: Passkey }>;
    deletePasskey: Call<{ status: boolean }>;
  };
}

/** The same browser, with the plugin. */
async function passkeys({ jar }: Person): Promise<PasskeyCalls> {
  const { passkeyClient } = (await import(plugin.href)) as { passkeyClient: () => { id: string } };
  const client = createAuthClient({ baseURL: BASE, plugins: [passkeyClient()], fetchOptions: { customFetchImpl: jar.fetch } });
  return client as unknown as PasskeyCalls;
}

function plugged(origin = BASE): Authenticator {
  const key = new Authenticator(origin);
  key.plugIn();
  return key;
}

async function withKey(): Promise<{ ada: Person; calls: PasskeyCalls; key: Authenticator; passkey: Passkey }> {
  const ada = await Person.verified();
  const [calls, key] = [await passkeys(ada), plugged()];
  const passkey = ok(await calls.passkey.addPasskey({ name: "Laptop" }));
  return { ada, calls, key, passkey };
}

describe.skipIf(!existsSync(plugin))("passkeys", () => {
  test("passkey.addPasskey registers the authenticator's key, dates revived", async () => {
    const { ada, key, passkey } = await withKey();
    expect(passkey).toMatchObject({ id: expect.any(String), name: "Laptop", userId: await ada.id() });
    expect(passkey.createdAt).toBeInstanceOf(Date);
    expect(passkey.credentialID).toBe(key.id.toString("base64url"));
    expect((key.asked as PublicKeyCredentialCreationOptions).rp.id).toBe("localhost");
  });

  test("passkey.listUserPasskeys lists it", async () => {
    const { calls, passkey } = await withKey();
    const list = ok(await calls.passkey.listUserPasskeys());
    expect(list).toHaveLength(1);
    expect(list[0]).toMatchObject({ id: passkey.id, name: "Laptop", createdAt: expect.any(Date) });
  });

  test("passkey.updatePasskey gives it another name", async () => {
    const { calls, passkey } = await withKey();
    const answer = ok(await calls.passkey.updatePasskey({ id: passkey.id, name: "Phone" }));
    expect(answer.passkey).toMatchObject({ id: passkey.id, name: "Phone" });
  });

  test("signIn.passkey signs in, in a browser that knows nothing but the key", async () => {
    const { ada } = await withKey();
    const other = new Person();
    const answer = ok(await (await passkeys(other)).signIn.passkey());
    expect(answer).toMatchObject({ session: { userId: await ada.id() }, user: { email: ada.email } });
    expect(other.jar.set(SESSION)?.attributes["max-age"]).toBe("604800");
    expect((await other.session())?.user.email).toBe(ada.email);
  });

  test("passkey.deletePasskey takes it away: it signs nobody in", async () => {
    const { calls, passkey } = await withKey();
    expect(ok(await calls.passkey.deletePasskey({ id: passkey.id }))).toEqual({ status: true });
    expect(ok(await calls.passkey.listUserPasskeys())).toEqual([]);
    const other = new Person();
    expect(refusal(await (await passkeys(other)).signIn.passkey())).toMatch(/^401 (PASSKEY_NOT_FOUND|AUTHENTICATION_FAILED)$/);
    expect(await other.session()).toBeNull();
  });

  test("signIn.passkey refuses what was signed on another site's page", async () => {
    const { key } = await withKey();
    Object.assign(key, { origin: "https://evil.example" });
    const other = new Person();
    expect(refusal(await (await passkeys(other)).signIn.passkey())).toMatch(/^40[01] AUTHENTICATION_FAILED$/);
    expect(await other.session()).toBeNull();
  });

  test("401 for a passkey of somebody else: not renamed, not deleted", async () => {
    const { passkey } = await withKey();
    const eve = await passkeys(await Person.signedUp());
    const refusals = [await eve.passkey.updatePasskey({ id: passkey.id, name: "Mine" }), await eve.passkey.deletePasskey({ id: passkey.id })];
    expect(refusals.map(({ error }) => error?.status)).toEqual([401, 401]);
  });

  test("401 for somebody who is not signed in", async () => {
    plugged();
    const stranger = await passkeys(new Person());
    expect((await stranger.passkey.addPasskey({ name: "Mine" })).error?.status).toBe(401);
    expect(seen(await new Person().auth.getSession())).toBeNull();
  });
});
