import type { Code } from "./frames";

/**
 * Why something could not be asked or was refused: the server's code, or one of this side's:
 * `offline` without a connection, `closed` once the server ended it, `unauthorized` without a sign-in.
 */
export type RefusedCode = Code | "offline" | "closed" | "unauthorized";

/** A refusal, with a sentence for the person. */
export class Refused extends Error {
  constructor(
    readonly code: RefusedCode | (string & {}),
    message: string,
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}
