import { defineConfig } from "vite";

// Preact instead of React: React and its DOM renderer alone are 67 kB gzipped, Preact with marked
// and DOMPurify together 32 kB, and the first route has to stay under 130 kB.
const server = process.env["INTELLISTACK_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    // The pages run under `default-src 'self'`: nothing may be inlined as a data: URI.
    assetsInlineLimit: 0,
    manifest: true,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: {
    proxy: {
      "/api": { target: server, ws: true },
      "/dev": { target: server },
    },
  },
});
