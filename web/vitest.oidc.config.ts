import { defineConfig } from "vitest/config";

// Real client libraries against a running OpenID Provider: INTELLISTACK_READY names its ready file.
export default defineConfig({
  test: { include: ["oidcclient/**/*.test.ts"], reporters: ["verbose"], testTimeout: 60_000, hookTimeout: 120_000, maxWorkers: 2 },
});
