// What every story needs: a browser, a signed-in page, axe, and a record of what broke the policy or threw.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
export const URL_BASE = process.env.TELEHUB_URL ?? "http://127.0.0.1:4055";

/** Password of a demo login: from logins.json, else the one password of the environment. */
export function passwordOf(email) {
  const path = process.env.TELEHUB_LOGINS;
  if (path) {
    const read = JSON.parse(readFileSync(path, "utf8"));
    const rows = Array.isArray(read) ? read : (read.logins ?? read.users ?? Object.entries(read).map(([key, value]) => (typeof value === "string" ? { email: key, password: value } : { email: key, ...value })));
    const found = rows.find((row) => row.email === email);
    if (found?.password) return found.password;
  }
  return process.env.TELEHUB_DEMO_PASSWORD ?? "demo-password";
}

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"],
  });
}

export class Desk {
  /** Faults seen in the page: exceptions, console errors, violations of the content security policy. */
  faults = [];

  static async open(browser, { width = 1366, height = 768, theme = "light", language = "en", reducedMotion = "no-preference" } = {}) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme === "dark" ? "dark" : "light", reducedMotion, locale: "en-IN", timezoneId: "Asia/Kolkata" });
    await context.addInitScript(
      ({ theme, language }) => {
        if (!localStorage.getItem("telehub.language")) localStorage.setItem("telehub.language", language);
        if (!localStorage.getItem("telehub.theme")) localStorage.setItem("telehub.theme", theme);
      },
      { theme, language },
    );
    const page = await context.newPage();
    const desk = new Desk(context, page);
    desk.watch(page);
    return desk;
  }

  constructor(context, page) {
    this.context = context;
    this.page = page;
  }

  watch(page) {
    page.on("pageerror", (error) => this.faults.push(`exception: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error" && !/status of (401|404|409|422|429)/.test(message.text())) this.faults.push(`console: ${message.text()}`);
    });
  }

  async signIn(email) {
    await this.page.goto(`${URL_BASE}/sign-in`);
    await this.page.locator("input[name=email]").fill(email);
    await this.page.locator("input[name=password]").fill(passwordOf(email));
    await this.page.locator("button[type=submit]").click();
    await this.page.locator("header").first().waitFor();
    await this.page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
  }

  async go(path) {
    await this.page.goto(URL_BASE + path);
    await this.settled();
  }

  /** Loaded, drawn and still. */
  async settled() {
    await this.page.waitForLoadState("load");
    await this.page.waitForFunction(() => document.querySelector("h1") !== null && document.querySelector(".skeleton") === null && document.fonts.status === "loaded", undefined, { timeout: 10_000 });
    await this.page.waitForTimeout(80);
  }

  /** Serious and critical findings, one line each. */
  async axe() {
    await this.page.evaluate(readFileSync(axePath, "utf8"));
    const { violations } = await this.page.evaluate(() => window.axe.run(
        // The guards around an open menu take focus only to hand it on.
        { exclude: ["[data-base-ui-focus-guard]"] },
        { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] },
      ),
    );
    return violations.filter((one) => one.impact === "serious" || one.impact === "critical").map((one) => `${one.id} (${one.impact}): ${one.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(" | ")} ${one.nodes[0]?.failureSummary?.split("\n")[1] ?? ""}`);
  }

  /** Things that stick out of the window sideways, or text cut off without an ellipsis. */
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
      return found;
    });
  }

  async close() {
    await this.context.close();
  }
}

export function check(condition, message) {
  if (!condition) throw new Error(message);
}
