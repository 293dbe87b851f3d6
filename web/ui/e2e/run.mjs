// Runs every story in this folder, one after another, in one Chromium against one server.
//   node e2e/run.mjs [part of a file's or story's name]
// TELEHUB_URL, TELEHUB_SIP, TELEHUB_LOGINS: the server under test. CHROMIUM: the browser.
// TELEHUB_SCREENSHOTS: a folder for pictures.
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { tidy } from "./api.mjs";
import { closeAll, launch } from "./desk.mjs";
import { Phone } from "./phones.mjs";

const STORY_MS = 240_000;
const folder = fileURLToPath(new URL(".", import.meta.url));
const wanted = process.argv[2] ?? "";
const files = readdirSync(folder).filter((name) => name.endsWith(".e2e.mjs")).sort();
const browser = await launch();
let passed = 0;
let failed = 0;

/** Asha's desk phone lives as long as the run. */
let phone = null;
async function stage() {
  phone ??= await Phone.register("101");
  phone.auto = true;
  phone.events.length = 0;
  await tidy("asha");
  return { browser, phone };
}

const inTime = (work) => {
  let timer;
  const late = new Promise((_, refuse) => {
    timer = setTimeout(() => refuse(new Error(`not over within ${STORY_MS / 1000} s`)), STORY_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
};

for (const file of files) {
  const { default: stories } = await import(`./${file}`);
  for (const [name, story] of Object.entries(stories)) {
    if (wanted && !`${file} ${name}`.includes(wanted)) continue;
    const from = Date.now();
    try {
      await inTime(stage().then(story));
      passed += 1;
      console.log(`ok    ${name} (${((Date.now() - from) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL  ${name}\n      ${String(error?.stack ?? error).split("\n").slice(0, 30).join("\n      ")}`);
      await closeAll(name.replace(/\W+/g, "-"));
    }
  }
}
await phone?.close();
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
