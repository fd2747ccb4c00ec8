import { beforeAll, describe, expect, test } from "vitest";
import { OTHER_PASSWORD, PASSWORD, Person, SESSION, freshEmail, ok, refusal } from "./person";
import { differs } from "./differs";

const NOBODY = "no-such-user-0000000000000000000";
const ADMIN_SESSION = "better-auth.admin_session";

let admin: Person;
beforeAll(async () => {
  admin = await Person.demo("admin");
});

/** A learner, and the id by which the admin names them. */
async function learner(): Promise<{ ada: Person; userId: string }> {
  const ada = await Person.signedUp();
  return { ada, userId: await ada.id() };
}

describe("admin.listUsers", () => {
  test("answers with users, dates revived, total, limit and offset", async () => {
    const list = ok(await admin.auth.admin.listUsers({ query: { limit: 2, offset: 1, sortBy: "createdAt" } }));
    expect(list).toMatchObject({ limit: 2, offset: 1, total: expect.any(Number) });
    expect(list.users).toHaveLength(2);
    expect(list.users[0]).toMatchObject({ id: expect.any(String), role: expect.any(String), banned: false });
    expect(list.users[0]?.createdAt).toBeInstanceOf(Date);
  });

  test("finds by a part of the address: contains, starts_with, ends_with", async () => {
    const { email } = await Person.signedUp();
    const search = async (searchValue: string, searchOperator: "contains" | "starts_with" | "ends_with") => {
      const query = { searchValue, searchOperator, searchField: "email" as const };
      return ok(await admin.auth.admin.listUsers({ query })).users.map((user) => user.email);
    };
    const [name = ""] = email.split("@");
    expect(await search(name.slice(3), "contains")).toEqual([email]);
    expect(await search(name, "starts_with")).toEqual([email]);
    expect(await search(email.slice(3), "ends_with")).toEqual([email]);
    expect(await search(name, "ends_with")).toEqual([]);
  });

  test("finds by name", async () => {
    const email = freshEmail();
    const name = `Name ${email}`;
    ok(await admin.auth.admin.createUser({ email, name, password: PASSWORD }));
    const { users, total } = ok(await admin.auth.admin.listUsers({ query: { searchValue: email, searchField: "name" } }));
    expect([users.map((user) => user.name), total]).toEqual([[name], 1]);
  });

  test("filters by a field, and sorts", async () => {
    await Promise.all([Person.signedUp(), Person.signedUp()]);
    const query = { filterField: "role", filterValue: "student", sortBy: "email", sortDirection: "desc" as const, limit: 20 };
    const { users } = ok(await admin.auth.admin.listUsers({ query }));
    expect(new Set(users.map((user) => user.role))).toEqual(new Set(["student"]));
    const emails = users.map((user) => user.email);
    expect(emails).toEqual([...emails].sort().reverse());
  });

  test("401 without a body for a stranger, 403 YOU_ARE_NOT_ALLOWED_TO_LIST_USERS for a student", async () => {
    const stranger = new Person();
    expect(refusal(await stranger.auth.admin.listUsers({ query: {} }))).toBe("401");
    const { auth } = await Person.signedUp();
    expect(refusal(await auth.admin.listUsers({ query: {} }))).toBe("403 YOU_ARE_NOT_ALLOWED_TO_LIST_USERS");
  });
});

describe("admin.getUser", () => {
  test("answers with the user", async () => {
    const { ada, userId } = await learner();
    const user = ok(await admin.auth.admin.getUser({ query: { id: userId } }));
    expect(user).toMatchObject({ id: userId, email: ada.email, role: "student" });
  });

  test("404 USER_NOT_FOUND", async () => {
    expect(refusal(await admin.auth.admin.getUser({ query: { id: NOBODY } }))).toBe("404 USER_NOT_FOUND");
  });
});

describe("admin.createUser", () => {
  test("makes an account that can sign in, with its role", async () => {
    const ada = new Person();
    const data = { email: ada.email, name: "Ada", password: PASSWORD, role: "instructor" as never };
    const { user } = ok(await admin.auth.admin.createUser(data));
    expect(user).toMatchObject({ email: ada.email, name: "Ada", role: "instructor" });
    expect((await ada.signIn()).user.id).toBe(user.id);
  });

  test("400 USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL", async () => {
    const { email } = await Person.signedUp();
    const answer = await admin.auth.admin.createUser({ email, name: "Ada", password: PASSWORD });
    expect(refusal(answer)).toBe("400 USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
  });

  test("403 for a student", async () => {
    const { auth } = await Person.signedUp();
    const answer = await auth.admin.createUser({ email: freshEmail(), name: "Eve", password: PASSWORD });
    expect(refusal(answer)).toBe("403 YOU_ARE_NOT_ALLOWED_TO_CREATE_USERS");
  });
});

describe("admin.updateUser", () => {
  test("changes what is given, and answers with the user", async () => {
    const { ada, userId } = await learner();
    const user = ok(await admin.auth.admin.updateUser({ userId, data: { name: "Ada L." } }));
    expect(user).toMatchObject({ id: userId, name: "Ada L.", email: ada.email });
    expect((await ada.session())?.user.name).toBe("Ada L.");
  });

  test("400 NO_DATA_TO_UPDATE", async () => {
    const { userId } = await learner();
    expect(refusal(await admin.auth.admin.updateUser({ userId, data: {} }))).toBe("400 NO_DATA_TO_UPDATE");
  });
});

describe("admin.setRole", () => {
  test("changes the role, which the user's session shows", async () => {
    const { ada, userId } = await learner();
    const { user } = ok(await admin.auth.admin.setRole({ userId, role: "instructor" as never }));
    expect(user.role).toBe("instructor");
    const again = await ada.elsewhere();
    expect((await again.session())?.user.role).toBe("instructor");
  });

  test("takes a list with one role", async () => {
    const { userId } = await learner();
    const { user } = ok(await admin.auth.admin.setRole({ userId, role: ["instructor"] as never }));
    expect(user.role).toBe("instructor");
  });

  test("403 YOU_ARE_NOT_ALLOWED_TO_CHANGE_USERS_ROLE for a student, of their own role, too", async () => {
    const { ada, userId } = await learner();
    const answer = await ada.auth.admin.setRole({ userId, role: "admin" });
    expect(refusal(answer)).toBe("403 YOU_ARE_NOT_ALLOWED_TO_CHANGE_USERS_ROLE");
  });

  differs("a role that nobody knows is refused", "roles are a closed set", {
    ours: "400 YOU_ARE_NOT_ALLOWED_TO_SET_NON_EXISTENT_VALUE",
    peer: "200",
    async got() {
      const { userId } = await learner();
      return refusal(await admin.auth.admin.setRole({ userId, role: "wizard" as never }));
    },
  });
});

describe("admin.banUser", () => {
  test("ends the sessions and keeps the user out, with the reason", async () => {
    const { ada, userId } = await learner();
    const { user } = ok(await admin.auth.admin.banUser({ userId, banReason: "Spam" }));
    expect(user).toMatchObject({ banned: true, banReason: "Spam" });
    expect(await ada.session()).toBeNull();
    const { email, password } = ada;
    expect(refusal(await ada.auth.signIn.email({ email, password }))).toBe("403 BANNED_USER");
  });

  test("says No reason where none is given, and when it ends", async () => {
    const { userId } = await learner();
    const { user } = ok(await admin.auth.admin.banUser({ userId, banExpiresIn: 3_600 }));
    expect(user.banReason).toBe("No reason");
    const minutes = ((user.banExpires?.getTime() ?? 0) - Date.now()) / 60_000;
    expect(minutes).toBeGreaterThan(59);
    expect(minutes).toBeLessThan(61);
  });

  test("400 YOU_CANNOT_BAN_YOURSELF, 404 USER_NOT_FOUND", async () => {
    expect(refusal(await admin.auth.admin.banUser({ userId: await admin.id() }))).toBe("400 YOU_CANNOT_BAN_YOURSELF");
    expect(refusal(await admin.auth.admin.banUser({ userId: NOBODY }))).toBe("404 USER_NOT_FOUND");
  });

  test("403 YOU_ARE_NOT_ALLOWED_TO_BAN_USERS for a student", async () => {
    const { ada, userId } = await learner();
    expect(refusal(await ada.auth.admin.banUser({ userId }))).toBe("403 YOU_ARE_NOT_ALLOWED_TO_BAN_USERS");
  });
});

test("admin.unbanUser lets the user in again", async () => {
  const { ada, userId } = await learner();
  ok(await admin.auth.admin.banUser({ userId, banReason: "Spam", banExpiresIn: 3_600 }));
  const { user } = ok(await admin.auth.admin.unbanUser({ userId }));
  expect(user).toMatchObject({ banned: false, banReason: null, banExpires: null });
  await ada.signIn();
});

describe("the sessions of a user", () => {
  test("admin.listUserSessions lists them, dates revived", async () => {
    const { ada, userId } = await learner();
    await ada.elsewhere();
    const { sessions } = ok(await admin.auth.admin.listUserSessions({ userId }));
    expect(sessions.map((session) => session.userId)).toEqual([userId, userId]);
    expect(sessions[0]?.expiresAt).toBeInstanceOf(Date);
  });

  test("admin.revokeUserSession ends the one that was listed", async () => {
    const { ada, userId } = await learner();
    const other = await ada.elsewhere();
    const id = (await other.session())?.session.id;
    const { sessions } = ok(await admin.auth.admin.listUserSessions({ userId }));
    const sessionToken = sessions.find((session) => session.id === id)?.token ?? "";
    expect(ok(await admin.auth.admin.revokeUserSession({ sessionToken }))).toEqual({ success: true });
    expect(await other.session()).toBeNull();
    expect(await ada.session()).not.toBeNull();
  });

  test("admin.revokeUserSessions ends all of them", async () => {
    const { ada, userId } = await learner();
    const other = await ada.elsewhere();
    expect(ok(await admin.auth.admin.revokeUserSessions({ userId }))).toEqual({ success: true });
    expect([await ada.session(), await other.session()]).toEqual([null, null]);
  });

  test("403 for a student, of other people's", async () => {
    const { ada } = await learner();
    const { userId } = await learner();
    expect(refusal(await ada.auth.admin.listUserSessions({ userId }))).toBe("403 YOU_ARE_NOT_ALLOWED_TO_LIST_USERS_SESSIONS");
    expect(refusal(await ada.auth.admin.revokeUserSessions({ userId }))).toBe("403 YOU_ARE_NOT_ALLOWED_TO_REVOKE_USERS_SESSIONS");
  });
});

describe("admin.impersonateUser", () => {
  test("signs the admin in as the user for an hour, and admin.stopImpersonating brings them back", async () => {
    const boss = await Person.demo("admin");
    const [bossId, { ada, userId }] = [await boss.id(), await learner()];
    const { session, user } = ok(await boss.auth.admin.impersonateUser({ userId }));
    expect(user.id).toBe(userId);
    expect(session).toMatchObject({ userId });
    expect(boss.jar.set(ADMIN_SESSION)?.attributes).toMatchObject({ httponly: "", path: "/" });
    expect(boss.jar.set(SESSION)?.attributes).not.toHaveProperty("max-age");
    const now = await boss.session();
    expect(now).toMatchObject({ user: { email: ada.email }, session: { impersonatedBy: bossId } });
    expect((now?.session.expiresAt.getTime() ?? 0) - Date.now()).toBeLessThan(3_601_000);
    const back = ok(await boss.auth.admin.stopImpersonating());
    expect(back).toMatchObject({ user: { id: bossId } });
    expect(boss.jar.set(ADMIN_SESSION)?.attributes["max-age"]).toBe("0");
    expect(await boss.session()).toMatchObject({ user: { id: bossId } });
    expect(await ada.session()).not.toBeNull();
  });

  test("403 YOU_CANNOT_IMPERSONATE_ADMINS, 404 USER_NOT_FOUND", async () => {
    const answer = await admin.auth.admin.impersonateUser({ userId: await admin.id() });
    expect(refusal(answer)).toBe("403 YOU_CANNOT_IMPERSONATE_ADMINS");
    expect(refusal(await admin.auth.admin.impersonateUser({ userId: NOBODY }))).toBe("404 USER_NOT_FOUND");
  });

  test("403 YOU_ARE_NOT_ALLOWED_TO_IMPERSONATE_USERS for a student", async () => {
    const [{ ada }, { userId }] = [await learner(), await learner()];
    const answer = await ada.auth.admin.impersonateUser({ userId });
    expect(refusal(answer)).toBe("403 YOU_ARE_NOT_ALLOWED_TO_IMPERSONATE_USERS");
  });

  test("stopImpersonating: 400 for somebody who does not", async () => {
    const { error } = await admin.auth.admin.stopImpersonating();
    expect(error).toMatchObject({ status: 400, message: "You are not impersonating anyone" });
  });
});

describe("admin.setUserPassword", () => {
  test("sets it", async () => {
    const { ada, userId } = await learner();
    expect(ok(await admin.auth.admin.setUserPassword({ userId, newPassword: OTHER_PASSWORD }))).toEqual({ status: true });
    ada.password = OTHER_PASSWORD;
    await ada.signIn();
  });

  test("400 PASSWORD_TOO_SHORT", async () => {
    const { userId } = await learner();
    const answer = await admin.auth.admin.setUserPassword({ userId, newPassword: "Sh0rt!" });
    expect(refusal(answer)).toBe("400 PASSWORD_TOO_SHORT");
  });
});

test("admin.hasPermission tells what a role may do", async () => {
  const permissions = { user: ["ban" as const], session: ["revoke" as const] };
  expect(ok(await admin.auth.admin.hasPermission({ permissions }))).toEqual({ error: null, success: true });
  const { auth } = await Person.signedUp();
  expect(ok(await auth.admin.hasPermission({ permissions }))).toEqual({ error: null, success: false });
});

describe("admin.removeUser", () => {
  test("takes the account away, with its sessions", async () => {
    const { ada, userId } = await learner();
    expect(ok(await admin.auth.admin.removeUser({ userId }))).toEqual({ success: true });
    expect(await ada.session()).toBeNull();
    expect(refusal(await admin.auth.admin.getUser({ query: { id: userId } }))).toBe("404 USER_NOT_FOUND");
  });

  test("400 YOU_CANNOT_REMOVE_YOURSELF", async () => {
    expect(refusal(await admin.auth.admin.removeUser({ userId: await admin.id() }))).toBe("400 YOU_CANNOT_REMOVE_YOURSELF");
  });
});
