import { describe, expect, test } from "vitest";
import { decode, encode } from "../src/live/codec";

describe("batches", () => {
  test("several objects in one message come out in order", () => {
    const { frames, bad } = decode('{"type":"heartbeat"}\n{"type":"typing"}\n');
    expect(frames.map((frame) => frame.type)).toEqual(["heartbeat", "typing"]);
    expect(bad).toBe(0);
  });

  test("a bad line is counted and the lines around it stand", () => {
    const { frames, bad } = decode('{"type":"heartbeat"}\n{oops\n[1]\n"x"\n{"no":"type"}\n{"type":"you"}');
    expect(frames.map((frame) => frame.type)).toEqual(["heartbeat", "you"]);
    expect(bad).toBe(4);
  });

  test("a line feed inside a text does not split a frame", () => {
    const [message] = encode([{ type: "send", text: "a\nb" }, { type: "heartbeat" }]);
    expect(message?.split("\n")).toHaveLength(2);
    expect(decode(message ?? "").frames).toHaveLength(2);
  });

  test("what would pass the size limit goes into the next message", () => {
    const text = "ä".repeat(8_000);
    const messages = encode(Array.from({ length: 7 }, (_, id) => ({ type: "send", id, text })));
    expect(messages.length).toBeGreaterThan(1);
    for (const message of messages) expect(new TextEncoder().encode(message).length).toBeLessThan(65_536);
    expect(messages.flatMap((message) => decode(message).frames)).toHaveLength(7);
  });

  test("nothing to say makes no message", () => {
    expect(encode([])).toEqual([]);
  });
});
