// What every story needs: a browser, a signed-in page, its words, axe, and a record of what broke the policy or threw.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { URL_BASE, passwordOf, tidy } from "./api.mjs";

const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const wordsOf = (name) => JSON.parse(readFileSync(new URL(`../src/i18n/${name}.json`, import.meta.url), "utf8"));
const merge = (a, b) => Object.fromEntries([...new Set([...Object.keys(a), ...Object.keys(b)])].map((key) => [key, typeof a[key] === "object" && typeof b[key] === "object" ? merge(a[key], b[key]) : (b[key] ?? a[key])]));
const all = (code) => ["account", "admin", "own"].reduce((words, part) => merge(words, wordsOf(`${part}.${code}`)), wordsOf(code));
const WORDS = { en: all("en"), hi: all("hi") };
/** Generous: the machine may be busy with everything else. */
export const PATIENCE = 30_000;

/** What the browsers' microphone hears. */
export const MICROPHONE_HZ = 600;

/** A microphone's recording: short tones with pauses, which no noise suppression takes for noise. */
function microphone() {
  const rate = 48_000;
  const samples = Buffer.alloc(rate * 2 * 2);
  for (let n = 0; n < rate * 2; n++) {
    const on = n % (rate / 2) < rate / 3;
    samples.writeInt16LE(on ? Math.round(12_000 * Math.sin((2 * Math.PI * MICROPHONE_HZ * n) / rate)) : 0, n * 2);
  }
  const header = Buffer.alloc(44);
  header.write("RIFF", 0);
  header.writeUInt32LE(36 + samples.length, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(samples.length, 40);
  return Buffer.concat([header, samples]);
}

export async function launch() {
  const folder = mkdtempSync(join(tmpdir(), "telehub-browser-"));
  const wave = join(folder, "microphone.wav");
  writeFileSync(wave, microphone());
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${wave}`],
    env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder },
  });
  browser.on("disconnected", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return browser;
}

export class Desk {
  /** Faults seen in the page: exceptions, console errors, violations of the content security policy. */
  faults = [];

  static async open(browser, { width = 1366, height = 768, theme = "light", language = "en", reducedMotion = "no-preference" } = {}) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme === "dark" ? "dark" : "light", reducedMotion, locale: "en-IN", timezoneId: "Asia/Kolkata" });
    context.setDefaultTimeout(PATIENCE);
    await context.addInitScript(
      ({ theme, language }) => {
        if (!localStorage.getItem("telehub.language")) localStorage.setItem("telehub.language", language);
        if (!localStorage.getItem("telehub.theme")) localStorage.setItem("telehub.theme", theme);
      },
      { theme, language },
    );
    const page = await context.newPage();
    const desk = new Desk(context, page, language);
    desk.suffix = `${width}-${theme}-${language}`;
    desk.watch(page);
    open.add(desk);
    return desk;
  }

  constructor(context, page, language) {
    this.context = context;
    this.page = page;
    this.language = language;
  }

  watch(page) {
    page.on("pageerror", (error) => this.faults.push(`exception: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error" && !/status of (401|404|409|422|429)/.test(message.text())) this.faults.push(`console: ${message.text()}`);
    });
  }

  /** The words of the screen in the desk's language: tests find things by what people read. */
  t(key, values = {}) {
    const find = (path) => path.split(".").reduce((at, part) => at?.[part], WORDS[this.language]);
    const text = find(key) ?? find(`${key}_${values.count === 1 ? "one" : "other"}`);
    if (typeof text !== "string") throw new Error(`no words for ${key} in ${this.language}`);
    return text.replace(/\{\{(\w+)\}\}/g, (_, name) => String(values[name] ?? ""));
  }

  /** Something by role and by the key of its name. */
  by(role, key, values, options = {}) {
    return this.page.getByRole(role, { name: key ? this.t(key, values) : undefined, exact: true, ...options });
  }

  get dock() {
    return this.by("region", "hud.dock");
  }
  get screen() {
    return this.by("region", "hud.screen");
  }
  get dialog() {
    return this.page.getByRole("dialog");
  }

  /** Waits until the dock says that the call is in this phase. */
  async phase(phase) {
    await this.dock.getByText(this.t(`phase.${phase}`), { exact: true }).waitFor();
  }

  toast(key, values) {
    return this.page.getByText(this.t(key, values), { exact: true }).first();
  }

  async signInWith(email, password) {
    await this.page.goto(`${URL_BASE}/sign-in`);
    await this.by("textbox", "signIn.email").fill(email);
    await this.page.getByLabel(this.t("signIn.password")).fill(password);
    await this.by("button", "signIn.submit").click();
  }

  async signIn(email) {
    await this.signInWith(email, passwordOf(email));
    await this.page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
    await this.page.getByRole("main").waitFor();
  }

  /** Another tab of the same browser, signed in already. */
  async secondTab(path) {
    const page = await this.context.newPage();
    const tab = new Desk(this.context, page, this.language);
    tab.faults = this.faults;
    tab.watch(page);
    await tab.go(path);
    return tab;
  }

  /** Ends what is left of an agent's calls behind the desk's back. */
  tidy(who) {
    return tidy(who);
  }

  async go(path) {
    await this.page.goto(URL_BASE + path);
    await this.settled();
  }

  /** Loaded, drawn and still. */
  async settled() {
    await this.page.waitForLoadState("load");
    await this.page.waitForFunction(() => document.querySelector("h1") !== null && document.querySelector(".skeleton") === null && document.fonts.status === "loaded");
    await this.page.waitForTimeout(80);
  }

  /** Serious and critical findings, one line each. */
  async axe() {
    await this.page.evaluate(readFileSync(axePath, "utf8"));
    const { violations } = await this.page.evaluate(() =>
      window.axe.run(
        // The guards around an open menu take focus only to hand it on.
        { exclude: ["[data-base-ui-focus-guard]"] },
        { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] },
      ),
    );
    return violations.filter((one) => one.impact === "serious" || one.impact === "critical").map((one) => `${one.id} (${one.impact}): ${one.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(" | ")} ${one.nodes[0]?.failureSummary?.split("\n")[1] ?? ""}`);
  }

  /** Things that stick out of the window sideways, text cut off without an ellipsis, words that are missing. */
  async clipped() {
    return this.page.evaluate(() => {
      const found = [];
      if (document.documentElement.scrollWidth > window.innerWidth + 1) found.push(`page is ${document.documentElement.scrollWidth} wide`);
      for (const node of document.querySelectorAll("button, h1, h2, h3, label, [role=tab], a")) {
        const box = node.getBoundingClientRect();
        if (box.width === 0 || node.closest(".sr-only, [hidden], [inert]")) continue;
        const style = getComputedStyle(node);
        if (style.overflow === "visible" && node.scrollWidth > node.clientWidth + 2 && node.clientWidth > 0 && style.display !== "inline") found.push(`overflows: ${node.tagName} "${node.textContent?.trim().slice(0, 40)}" ${node.scrollWidth}>${node.clientWidth}`);
      }
      // A key without words is shown as the key itself.
      const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) {
        const text = texts.currentNode.textContent.trim();
        if (/^[a-z][a-zA-Z]+(\.[a-zA-Z_]+)+$/.test(text) && !texts.currentNode.parentElement.closest("code, input")) found.push(`no words for ${text}`);
      }
      return found;
    });
  }

  /** Draws a picture where pictures are wanted, and says what is wrong with the page. */
  async inspect(name) {
    await this.shoot(`${name}-${this.suffix}`);
    return [...(await this.axe()).map((one) => `axe ${one}`), ...(await this.clipped())].map((one) => `${name}-${this.suffix}: ${one}`);
  }

  async shoot(name) {
    const folder = process.env.TELEHUB_SCREENSHOTS;
    if (!folder) return;
    mkdirSync(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, `${name}.png`) });
  }

  /** Closes the page; what it complained about is a failure. */
  async close() {
    open.delete(this);
    await this.context.close();
    same([...new Set(this.faults)].join("\n"), "", "the page has no faults");
  }
}

const open = new Set();
/** Desks a failed story left open: pictured where pictures are wanted, then closed. */
export async function closeAll(name) {
  for (const desk of [...open]) {
    open.delete(desk);
    await desk.shoot(`FAILED-${name}`).catch(() => undefined);
    for (const fault of desk.faults) console.log(`      page: ${fault}`);
    await desk.context.close().catch(() => undefined);
  }
}

export function check(condition, message) {
  if (!condition) throw new Error(message);
}

export function same(found, wanted, message) {
  check(found === wanted, `${message}\n  wanted: ${JSON.stringify(wanted)}\n  found:  ${JSON.stringify(found)}`);
}

export function nothingFound(findings) {
  check(findings.length === 0, `\n${[...new Set(findings)].join("\n")}`);
}
