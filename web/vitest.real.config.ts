import { defineConfig } from "vitest/config";

// The live client against a real server: INTELLISTACK_READY names a demo server's ready file,
// INTELLISTACK_BIN the program, for the tests that kill one.
export default defineConfig({
  test: { include: ["real/**/*.test.ts"], testTimeout: 50_000, hookTimeout: 50_000, maxWorkers: 2 },
});
