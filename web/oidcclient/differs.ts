import { test } from "vitest";
import { PEER } from "./target";

/** What npm's oidc-provider does not do, or does otherwise on purpose of its own. */
export function oursAlone(name: string, reason: string, check: () => Promise<void>): void {
  test.skipIf(PEER)(`${name} [ours alone: ${reason}]`, check);
}
