// Prints the gzipped size of what the first route loads, and fails above the budget.
import { readFileSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET = 130_000;
const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));
const gzipped = (path) => gzipSync(readFileSync(new URL(path, dist)), { level: 9 }).length;

const first = new Set(["index.html", "theme.js", "favicon.svg"]);
const follow = (key) => {
  const chunk = manifest[key];
  if (!chunk || first.has(chunk.file)) return;
  first.add(chunk.file);
  for (const sheet of chunk.css ?? []) first.add(sheet);
  for (const next of chunk.imports ?? []) follow(next);
};
follow("index.html");

let total = 0;
for (const path of first) {
  const size = gzipped(path);
  total += size;
  console.log(`${String(size).padStart(8)}  ${path}`);
}
const lazy = readdirSync(new URL("assets/", dist)).filter((name) => !first.has(`assets/${name}`));
for (const name of lazy) console.log(`${String(gzipped(`assets/${name}`)).padStart(8)}  assets/${name} (lazy)`);
console.log(`first route: ${total} bytes gzipped, budget ${BUDGET}`);
if (total > BUDGET) {
  console.error("The first route is over its budget.");
  process.exit(1);
}
