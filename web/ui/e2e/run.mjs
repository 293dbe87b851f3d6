// Runs every story in this folder, one after another, in one Chromium. `node e2e/run.mjs [part of a name]`
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { launch } from "./desk.mjs";

const folder = fileURLToPath(new URL(".", import.meta.url));
const wanted = process.argv[2] ?? "";
const files = readdirSync(folder).filter((name) => /\.e2e\.(mjs|ts)$/.test(name)).sort();
const browser = await launch();
let passed = 0;
let failed = 0;
for (const file of files) {
  const { default: stories } = await import(`./${file}`);
  for (const [name, story] of Object.entries(stories)) {
    if (wanted && !`${file} ${name}`.includes(wanted)) continue;
    const from = Date.now();
    try {
      await story(browser);
      passed += 1;
      console.log(`ok    ${name} (${((Date.now() - from) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL  ${name}\n      ${String(error?.stack ?? error).split("\n").slice(0, 30).join("\n      ")}`);
    }
  }
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
