import { defineConfig } from "vitest/config";

// The live client against a real server: INTELLISTACK_READY names a demo server's ready file,
// INTELLISTACK_BIN the program, for the tests that kill one.
export default defineConfig({
  test: { include: ["real/**/*.test.ts"], testTimeout: 90_000, hookTimeout: 60_000, maxWorkers: 2 },
});
