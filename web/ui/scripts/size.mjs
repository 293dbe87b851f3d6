// First load: every script a page needs before it can be used, compressed. Refuses growth past the limit.
import { existsSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT_KB = 200;
const dist = new URL("../dist/", import.meta.url);
if (!existsSync(new URL("manifest.json", dist))) {
  console.error("there is nothing built to measure: scripts/ui.sh");
  process.exit(1);
}
const manifest = JSON.parse(readFileSync(new URL("manifest.json", dist), "utf8"));

/** A chunk and all it imports statically. */
function closure(key, found = new Set()) {
  if (found.has(key)) return found;
  found.add(key);
  for (const next of manifest[key].imports ?? []) closure(next, found);
  return found;
}

const words = ["src/i18n/en.json", "src/i18n/hi.json"];
const shell = ["index.html", "src/app/shell/Shell.tsx"];
const pages = {
  "sign-in": ["index.html", "src/features/auth/SignIn.tsx"],
  "my queue": [...shell, "src/features/queue/QueuePage.tsx"],
  "my queue, on a call": [...shell, "src/features/queue/QueuePage.tsx", "src/features/hud/CallHud.tsx"],
  lead: [...shell, "src/features/lead/LeadPage.tsx"],
  floor: [...shell, "src/features/floor/FloorPage.tsx"],
};
const sizes = new Map();
const sizeOf = (file) => {
  if (!sizes.has(file)) sizes.set(file, gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length);
  return sizes.get(file);
};

let worst = 0;
for (const [page, entries] of Object.entries(pages)) {
  const keys = new Set(entries.flatMap((entry) => [...closure(entry)]));
  const script = [...keys].reduce((sum, key) => sum + sizeOf(manifest[key].file), sizeOf("theme.js"));
  const total = (script + Math.max(...words.map((key) => sizeOf(manifest[key].file)))) / 1024;
  worst = Math.max(worst, total);
  console.log(`${page.padEnd(22)} ${total.toFixed(1)} KB gzip`);
}
if (process.argv.includes("-v")) {
  for (const [key, chunk] of Object.entries(manifest)) if (chunk.file.endsWith(".js")) console.log(`  ${(sizeOf(chunk.file) / 1024).toFixed(1).padStart(6)} ${key}`);
}
if (worst > LIMIT_KB) {
  console.error(`first load is ${worst.toFixed(1)} KB, the limit is ${LIMIT_KB} KB`);
  process.exit(1);
}
console.log(`largest first load ${worst.toFixed(1)} KB of ${LIMIT_KB} KB`);
