// A call from the desk: placed, followed, noted, ended, judged. Needs somebody's phone registered for asha.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Desk, check } from "./desk.mjs";

const pictures = process.env.TELEHUB_SCREENSHOTS;
async function shoot(desk, name) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await desk.page.screenshot({ path: join(pictures, `${name}.png`) });
}

async function callFromQueue(browser, look) {
  const desk = await Desk.open(browser, look);
  const suffix = `${look.width ?? 1366}-${look.theme}-${look.language}`;
  const { page } = desk;
  const findings = [];
  const inspect = async (name) => {
    await shoot(desk, `${name}-${suffix}`);
    findings.push(...(await desk.axe()).map((one) => `${name}: axe ${one}`), ...(await desk.clipped()).map((one) => `${name}: ${one}`));
  };
  await desk.signIn("asha@demo.local");
  await desk.go("/queue?tab=fresh");
  await page.locator("ul > li").first().waitFor();
  // The row at hand is called by its key.
  await page.keyboard.press("KeyC");
  const screen = page.locator("section.absolute");
  await screen.waitFor();
  await page.getByRole("timer").first().waitFor();
  await inspect("hud-ringing");
  await page.locator(".recording-dot").first().waitFor({ timeout: 20_000 });
  await page.waitForTimeout(600);
  await inspect("hud-talking");
  await page.locator("section.absolute textarea").fill("Wants the brochure. Call after 6 pm.");
  await page.locator("h2").first().click();
  await page.keyboard.press("KeyK");
  await inspect("hud-keypad");
  await page.keyboard.press("KeyK");
  await page.keyboard.press("KeyH");
  await page.waitForTimeout(400);
  await inspect("hud-held");
  await page.reload();
  await screen.waitFor({ timeout: 3_000 });
  check((await page.locator("section.absolute textarea").inputValue()) === "Wants the brochure. Call after 6 pm.", "the note survives a reload");
  await page.keyboard.press("Backslash");
  await screen.waitFor({ state: "hidden" });
  await inspect("dock");
  await page.keyboard.press("Backslash");
  await screen.waitFor();
  await page.keyboard.press("Control+Shift+KeyE");
  await page.locator("[role=radiogroup] kbd").first().waitFor();
  await page.waitForTimeout(500);
  await inspect("hud-wrapup");
  await page.keyboard.press("Digit3");
  await page.waitForTimeout(200);
  await inspect("hud-outcome");
  await page.locator("fieldset button").first().click();
  await page.keyboard.press("Control+Enter");
  await screen.waitFor({ state: "hidden", timeout: 3_000 });
  await page.locator("[data-type=done]").first().waitFor({ timeout: 3_000 });
  await inspect("after-outcome");
  findings.push(...desk.faults);
  await desk.close();
  check(findings.length === 0, `\n${[...new Set(findings)].join("\n")}`);
}

const stories = {};
for (const [width, height] of [
  [1366, 768],
  [360, 740],
]) {
  for (const [theme, language] of [
    ["light", "en"],
    ["dark", "hi"],
  ]) {
    stories[`a call from the queue by keys alone, ${width} ${theme} ${language}`] = (browser) => callFromQueue(browser, { width, height, theme, language });
  }
}
export default stories;
