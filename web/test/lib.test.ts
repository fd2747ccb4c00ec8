import { describe, expect, test } from "vitest";
import { ago, clockTime, cut, deviceName, duration } from "../src/lib/format";
import { passwordRules, passwordStrength } from "../src/lib/password";

describe("the strength meter", () => {
  test("each rule of the classic policy is told", () => {
    const missing = (password: string) => passwordRules(password).filter((rule) => !rule.met).map((rule) => rule.label);
    expect(missing("Abcdefghij1!")).toEqual([]);
    expect(missing("abcdefghijkl")).toEqual(["an upper-case letter", "a digit", "a special character"]);
    expect(missing("A1!a")).toEqual(["12 characters or more"]);
  });

  test("a password that breaks a rule is never good", () => {
    for (const password of ["", "short1A!", "alllowercase1!", "NODIGITSHERE!a"]) expect(passwordStrength(password)).toBeLessThan(3);
  });

  test("repetition holds it down, length and variety lift it", () => {
    expect(passwordStrength("Aaaaaaaaaa1!")).toBe(2);
    expect(passwordStrength("Otter-Lamp42!")).toBe(3);
    expect(passwordStrength("Otter-Lamp42!-Quiet-River")).toBe(4);
  });
});

describe("words for times and devices", () => {
  const now = Date.parse("2026-11-23T12:00:00Z");
  test("ages", () => {
    expect(ago("2026-11-23T11:59:50Z", now)).toBe("just now");
    expect(ago("2026-11-23T11:50:00Z", now)).toBe("10 min ago");
    expect(ago("2026-11-22T11:00:00Z", now)).toBe("yesterday");
    expect(ago("nonsense", now)).toBe("");
  });

  test("times of another day carry the day", () => {
    expect(clockTime(new Date(2026, 10, 24, 14, 5), new Date(2026, 10, 23))).toMatch(/24/);
    expect(clockTime(null)).toBe("");
  });

  test("up-times and devices", () => {
    expect(duration(59)).toBe("59 s");
    expect(duration(7_260)).toBe("2 h 1 min");
    expect(deviceName("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36")).toBe("Chrome on Linux");
    expect(deviceName(null)).toBe("Unknown device");
  });
});

describe("cutting", () => {
  test("no character is cut in half, and half ones that came in are replaced", () => {
    expect(cut("a😀b", 2)).toBe("a😀");
    expect(cut("a\ud83d", 5)).toBe("a\ufffd");
    expect(cut("short", 8_000)).toBe("short");
  });
});
