// @vitest-environment jsdom
import { describe, expect, test } from "vitest";
import { go, match, place } from "../src/router";

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
});
