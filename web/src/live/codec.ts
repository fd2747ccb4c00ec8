import type { Incoming } from "./frames";

/** A client's message may hold 64 KiB, fragments joined; batches stay well below. */
const MAX_BATCH = 48 * 1024;

export interface Decoded {
  frames: Incoming[];
  /** Lines that held no typed object; the lines around them stand. */
  bad: number;
}

/** One text message holds one object, or several separated by a line feed. */
export function decode(message: string): Decoded {
  const frames: Incoming[] = [];
  let bad = 0;
  for (const line of message.split("\n")) {
    if (line.trim() === "") continue;
    try {
      const value: unknown = JSON.parse(line);
      if (isTyped(value)) frames.push(value);
      else bad += 1;
    } catch {
      bad += 1;
    }
  }
  return { frames, bad };
}

function isTyped(value: unknown): value is Incoming {
  return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}

/** Joins frames into as few messages as the size limit allows, in order. */
export function encode(frames: readonly object[]): string[] {
  const messages: string[] = [];
  let current = "";
  for (const frame of frames) {
    const line = JSON.stringify(frame);
    if (current !== "" && utf8Length(current) + utf8Length(line) + 1 > MAX_BATCH) {
      messages.push(current);
      current = "";
    }
    current = current === "" ? line : `${current}\n${line}`;
  }
  if (current !== "") messages.push(current);
  return messages;
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
