// Every page, light and dark, English and Hindi, wide and narrow: drawn, not clipped, without a serious axe finding.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Desk, check } from "./desk.mjs";

const pictures = process.env.TELEHUB_SCREENSHOTS;
const SIZES = [
  [1366, 768],
  [360, 740],
];
const LOOKS = [
  ["light", "en"],
  ["dark", "hi"],
  ["light", "hi"],
  ["dark", "en"],
];
const TELECALLER = ["/queue", "/queue?tab=callback", "/queue?q=zzzz", "/leads", "FIRST_LEAD", "/calls"];
const ADMIN = ["/floor", "/admin/users", "/admin/extensions", "/admin/trunks", "/admin/numbers", "/admin/dispositions", "/admin/settings", "/admin/audit", "/nowhere"];

async function shoot(desk, name) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await desk.page.screenshot({ path: join(pictures, `${name}.png`) });
}

export async function inspect(desk, name) {
  await shoot(desk, name);
  const findings = [...(await desk.axe()).map((one) => `axe ${one}`), ...(await desk.clipped())];
  return findings.map((one) => `${name}: ${one}`);
}

async function tour(browser, email, paths, who) {
  const findings = [];
  for (const [width, height] of SIZES) {
    for (const [theme, language] of LOOKS) {
      const desk = await Desk.open(browser, { width, height, theme, language });
      const suffix = `${width}-${theme}-${language}`;
      if (who === "telecaller") {
        await desk.page.goto(`${process.env.TELEHUB_URL ?? "http://127.0.0.1:4055"}/sign-in`);
        await desk.settled();
        findings.push(...(await inspect(desk, `sign-in-${suffix}`)));
      }
      await desk.signIn(email);
      for (const path of paths) {
        if (path === "FIRST_LEAD") {
          await desk.go("/leads");
          await desk.page.locator("tbody th a").first().click();
          await desk.page.waitForURL(/\/leads\/.+/);
          await desk.page.locator("ol li").first().waitFor();
          await desk.settled();
        } else await desk.go(path);
        findings.push(...(await inspect(desk, `${path === "FIRST_LEAD" ? "lead" : path.replace(/^\//, "").replace(/\W+/g, "-")}-${suffix}`)));
      }
      findings.push(...desk.faults.map((fault) => `${suffix}: ${fault}`));
      await desk.close();
    }
  }
  check(findings.length === 0, `\n${[...new Set(findings)].join("\n")}`);
}

export default {
  "a telecaller's pages are drawn well everywhere": (browser) => tour(browser, "asha@demo.local", TELECALLER, "telecaller"),
  "an administrator's pages are drawn well everywhere": (browser) => tour(browser, "admin@demo.local", ADMIN, "admin"),
};
