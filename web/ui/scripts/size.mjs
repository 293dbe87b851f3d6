// First load: every script a page needs before it can be used, compressed. Refuses growth past the limit.
// The pages are those of the router: which file, which words, below which layout.
import { existsSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT_KB = 200;
const ROUTER = "src/app/router.tsx";
const dist = new URL("../dist/", import.meta.url);
if (!existsSync(new URL("manifest.json", dist))) {
  console.error("there is nothing built to measure: scripts/ui.sh");
  process.exit(1);
}
const manifest = JSON.parse(readFileSync(new URL("manifest.json", dist), "utf8"));

function refuse(why) {
  console.error(why);
  process.exit(1);
}

/** A chunk and all it imports statically. */
function closure(key, found = new Set()) {
  if (found.has(key)) return found;
  if (!manifest[key]) refuse(`${key} is not in the manifest`);
  found.add(key);
  for (const next of manifest[key].imports ?? []) closure(next, found);
  return found;
}

/** Every route of the router by its name there: its parent, its file, and the words it waits for. */
function routes() {
  const text = readFileSync(new URL(`../${ROUTER}`, import.meta.url), "utf8");
  const found = new Map();
  for (const [block, name] of text.matchAll(/^const (\w+) = createRoute\(\{(?:.*\}\);$|[\s\S]*?^\}\);$)/gm)) {
    const parent = /getParentRoute: \(\) => (\w+)/.exec(block)?.[1];
    const file = /import\("@\/([^"]+)"\)/.exec(block)?.[1];
    const words = /needWords\(([^)]*)\)/.exec(block)?.[1] ?? "";
    const path = /\bpath: "([^"]*)"/.exec(block)?.[1];
    found.set(name, { parent, path, entry: file && `src/${file}.tsx`, words: [...words.matchAll(/"(\w+)"/g)].map(([, part]) => part) });
  }
  return found;
}

const known = routes();
/** The route and all it stands in. */
const line = (name) => (known.has(name) ? [...line(known.get(name).parent), known.get(name)] : []);
const layouts = new Set([...known.values()].map((route) => route.parent));
const pages = new Map();
for (const [name, route] of known) {
  if (!route.entry || layouts.has(name)) continue;
  const within = line(name);
  const path = within.map((one) => one.path ?? "").join("") || "/";
  pages.set(path, { entries: ["index.html", ...within.map((one) => one.entry).filter(Boolean)], words: ["", ...new Set(within.flatMap((one) => one.words))] });
}
const measured = new Set([...pages.values()].flatMap((page) => page.entries));
const missed = manifest["index.html"].dynamicImports.filter((key) => /(Page|Layout|Shell)\.tsx$/.test(key) && !measured.has(key));
if (pages.size === 0 || missed.length > 0) refuse(`${ROUTER} is written in a way this script does not read: ${missed.join(", ")}`);
const queue = pages.get("/queue");
pages.set("/queue, on a call", { ...queue, entries: [...queue.entries, "src/features/hud/CallHud.tsx"] });

const sizes = new Map();
const sizeOf = (file) => {
  if (!sizes.has(file)) sizes.set(file, gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length);
  return sizes.get(file);
};
/** The words of a page in one language. */
const wordsOf = (parts, language) => parts.reduce((sum, part) => sum + sizeOf(manifest[`src/i18n/${part ? `${part}.` : ""}${language}.json`].file), 0);

const totals = [...pages].map(([page, { entries, words }]) => {
  const keys = new Set(entries.flatMap((entry) => [...closure(entry)]));
  const script = [...keys].reduce((sum, key) => sum + sizeOf(manifest[key].file), sizeOf("theme.js"));
  const total = (script + Math.max(...["en", "hi"].map((language) => wordsOf(words, language)))) / 1024;
  console.log(`${page.padEnd(22)} ${total.toFixed(1)} KB gzip`);
  return [page, total];
});
if (process.argv.includes("-v")) {
  for (const [key, chunk] of Object.entries(manifest)) if (chunk.file.endsWith(".js")) console.log(`  ${(sizeOf(chunk.file) / 1024).toFixed(1).padStart(6)} ${key}`);
}
const over = totals.filter(([, total]) => total > LIMIT_KB);
if (over.length > 0) refuse(`first load of more than ${LIMIT_KB} KB: ${over.map(([page, total]) => `${page} ${total.toFixed(1)} KB`).join(", ")}`);
console.log(`largest first load ${Math.max(...totals.map(([, total]) => total)).toFixed(1)} KB of ${LIMIT_KB} KB`);
