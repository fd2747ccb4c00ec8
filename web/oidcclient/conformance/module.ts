import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** Which modules of a plan have a test here, by their names in the suite of the OpenID Foundation. */
export class Plan {
  readonly #name: string;
  readonly #file: string;
  readonly #tested = new Set<string>();

  constructor(name: string, url: string) {
    this.#name = name;
    this.#file = new URL(url).pathname.split("/").at(-1) ?? "";
  }

  /** One module of the plan. `holds` says what of it is asserted here. */
  module(name: string, holds: string, check: () => Promise<void>): void {
    this.#note(name);
    test(`\`${name}\`: ${holds}`, check);
  }

  /** A module that waits for something to run out: with SLOW=1 alone. */
  slow(name: string, holds: string, check: () => Promise<void>): void {
    this.#note(name);
    test.skipIf(!process.env["SLOW"])(`\`${name}\`: ${holds} [with SLOW=1]`, check, 900_000);
  }

  /** To be called last: the plan is all here, and the table of conformance/modules.md knows it. */
  complete(modules: readonly string[]): void {
    test(`${this.#name}: every module has a test, and a row in modules.md`, () => {
      expect([...this.#tested].sort()).toEqual([...modules].sort());
      const table = readFileSync(new URL("../../../conformance/modules.md", import.meta.url), "utf8");
      const missing = modules.filter((name) => !table.includes(`| \`${name}\` | \`${this.#file}\` |`));
      expect(missing).toEqual([]);
    });
  }

  #note(name: string): void {
    if (this.#tested.has(name)) throw new Error(`two tests of ${name}`);
    this.#tested.add(name);
  }
}
