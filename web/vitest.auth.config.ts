import { defineConfig } from "vitest/config";

// Better-Auth's own client against a running server, call by call: INTELLISTACK_READY names its ready file.
export default defineConfig({
  test: { include: ["authclient/**/*.test.ts"], reporters: ["verbose"], testTimeout: 60_000, hookTimeout: 60_000, maxWorkers: 2 },
});
