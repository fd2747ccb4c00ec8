import { defineConfig } from "vitest/config";

// The end-to-end tests need a server and a browser: `npm run e2e` runs those.
// The time is for a machine that does much else beside.
export default defineConfig({ test: { include: ["test/**/*.test.ts"], testTimeout: 30_000 } });
