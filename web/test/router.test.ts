// @vitest-environment jsdom
import { describe, expect, test } from "vitest";
import { asksAnew, go, match, nextPath, place } from "../src/router";

describe("addresses", () => {
  test("named parts are decoded", () => {
    expect(match("/learn/:course/:lesson", "/learn/agree/ch%2004")).toEqual({ course: "agree", lesson: "ch 04" });
  });

  test("a trailing slash does not matter, a missing or further part does", () => {
    expect(match("/quiz/:course/:stage", "/quiz/agree/1/")).toEqual({ course: "agree", stage: "1" });
    expect(match("/quiz/:course/:stage", "/quiz/agree")).toBeNull();
    expect(match("/quiz/:course/:stage", "/quiz/agree/1/2")).toBeNull();
    expect(match("/quiz/:course/:stage", "/quiz//1")).toBeNull();
  });

  test("a broken escape is no page", () => {
    expect(match("/learn/:course/:lesson", "/learn/%E0%A4%A/x")).toBeNull();
  });

  test("going somewhere changes the place and the address", () => {
    go("/threads?x=1#y");
    expect(place.value).toEqual({ path: "/threads", search: "?x=1", hash: "#y" });
    expect(location.pathname).toBe("/threads");
  });

  test("a sign-in leads on to a path of our own and nowhere else", () => {
    expect(nextPath("?next=%2Faccount%23x")).toBe("/account#x");
    expect(nextPath("?callbackURL=%2Fapi%2Fauth%2Foauth2%2Fauthorize%3Fa%3D1&prompt=login")).toBe("/api/auth/oauth2/authorize?a=1");
    for (const away of ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"]) {
      expect(nextPath(`?next=${encodeURIComponent(away)}`)).toBe("/");
    }
    expect(nextPath("")).toBe("/");
  });

  test("whoever is signed in is asked again for an app that wants it, and at a second step", () => {
    expect(asksAnew("?callbackURL=%2F&prompt=login")).toBe(true);
    expect(asksAnew("?twoFactorRedirect=true&callbackURL=%2F")).toBe(true);
    expect(asksAnew("?prompt=none")).toBe(false);
    expect(asksAnew("?next=%2Faccount")).toBe(false);
  });
});
