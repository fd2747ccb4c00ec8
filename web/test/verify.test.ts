import { describe, expect, test } from "vitest";
import { scalarLength, sha256Hex, verifyText } from "../src/live/verify";

describe("the proof at the end", () => {
  test("lengths count Unicode scalar values", () => {
    expect(scalarLength("a😀é")).toBe(3);
  });

  test("the hash is over UTF-8, in lower-case hex", async () => {
    expect(await sha256Hex("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(await sha256Hex("é")).toBe("4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c");
  });

  test("a doubled, lost or changed character is found", async () => {
    const sha = await sha256Hex("ab");
    expect(await verifyText("ab", 2, sha)).toBe("true");
    expect(await verifyText("abb", 2, sha)).toBe("false");
    expect(await verifyText("a", 2, sha)).toBe("false");
    expect(await verifyText("ba", 2, sha)).toBe("false");
  });
});
