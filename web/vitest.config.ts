import { defineConfig } from "vitest/config";

// The end-to-end tests need a server and a browser: `npm run e2e` runs those.
export default defineConfig({ test: { include: ["test/**/*.test.ts"] } });
