import { describe, expect, test } from "vitest";
import { oursAlone } from "./differs";
import { Person, ok, refusal } from "./person";

describe("listAccounts", () => {
  test("lists the credential, without a secret, dates revived", async () => {
    const ada = await Person.signedUp();
    const [account, ...more] = ok(await ada.auth.listAccounts());
    expect(more).toEqual([]);
    expect(account).toMatchObject({
      id: expect.any(String), providerId: "credential", userId: await ada.id(), scopes: [],
      createdAt: expect.any(Date), updatedAt: expect.any(Date),
    });
    for (const secret of ["password", "accessToken", "refreshToken", "idToken"]) expect(account).not.toHaveProperty(secret);
  });

  test("401 UNAUTHORIZED for somebody who is not signed in", async () => {
    expect(refusal(await new Person().auth.listAccounts())).toBe("401 UNAUTHORIZED");
  });
});

describe("unlinkAccount", () => {
  test("400 FAILED_TO_UNLINK_LAST_ACCOUNT for the only way in", async () => {
    const ada = await Person.signedUp();
    const [account] = ok(await ada.auth.listAccounts());
    const answer = await ada.named.unlinkAccount({ accountId: account?.id ?? "" });
    expect(refusal(answer)).toBe("400 FAILED_TO_UNLINK_LAST_ACCOUNT");
  });

  oursAlone("the same for the shape of older clients: {providerId}", "it names the provider, not the row", async () => {
    const ada = await Person.signedUp();
    expect(refusal(await ada.named.unlinkAccount({ providerId: "credential" }))).toBe("400 FAILED_TO_UNLINK_LAST_ACCOUNT");
    expect(refusal(await ada.named.unlinkAccount({ providerId: "google" }))).not.toBe("200");
  });

  test("401 UNAUTHORIZED for somebody who is not signed in", async () => {
    expect(refusal(await new Person().named.unlinkAccount({ accountId: "x" }))).toBe("401 UNAUTHORIZED");
  });
});
