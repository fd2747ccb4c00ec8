/** Proof that each token arrived once: the length and hash an `end` names, over our own text. */

/** Unicode scalar values, not UTF-16 units. */
export function scalarLength(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

export async function sha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export type Verdict = "true" | "false" | "unknown";

/** `unknown` where the browser offers no hashing: a plain-http origin that is not loopback. */
export async function verifyText(text: string, length: number, sha256: string): Promise<Verdict> {
  if (scalarLength(text) !== length) return "false";
  if (!globalThis.crypto?.subtle) return "unknown";
  return (await sha256Hex(text)) === sha256.toLowerCase() ? "true" : "false";
}
