import { expect, test } from "vitest";
import { PEER } from "./target";

interface Difference<T> {
  ours: T;
  peer: T;
  got: () => Promise<T>;
}

/** Where we answer otherwise than npm's better-auth, on purpose; the reason stands in the output. */
export function differs<T>(name: string, reason: string, { ours, peer, got }: Difference<T>): void {
  test(`${name} [differs from the peer: ${reason}]`, async () => {
    expect(await got()).toEqual(PEER ? peer : ours);
  });
}

/** A call that the peer does not know at all. */
export function oursAlone(name: string, reason: string, check: () => Promise<void>): void {
  test.skipIf(PEER)(`${name} [ours alone: ${reason}]`, check);
}
