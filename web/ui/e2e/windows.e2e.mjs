// What opens over a page: palette, key sheet, menus, forms. Drawn well, without a serious axe finding, in both languages.
import { Desk, nothingFound } from "./desk.mjs";

async function windows(browser, look) {
  const desk = await Desk.open(browser, look);
  const { page } = desk;
  const findings = [];
  const { dialog } = desk;
  const inspect = async (name) => {
    await page.waitForTimeout(250);
    findings.push(...(await desk.inspect(name)));
  };
  const shut = async () => {
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  };
  await desk.signIn("admin@demo.local");
  await desk.go("/admin/extensions");

  await page.keyboard.press("Control+KeyK");
  await page.locator("[cmdk-input]").fill("98123");
  await page.locator("[cmdk-item]").first().waitFor();
  await inspect("palette");
  await shut();

  await page.keyboard.press("Shift+Slash");
  await dialog.waitFor();
  await inspect("keys");
  await shut();

  await page.locator("header").first().locator("button").last().click();
  await page.locator("[role=menu]").waitFor();
  await inspect("user-menu");
  await page.keyboard.press("Escape");

  const row = page.locator("tbody tr").first();
  await row.locator("button").first().click();
  await dialog.waitFor();
  await dialog.locator("ol button").last().click();
  await inspect("phone-setup");
  await shut();

  for (const [path, name] of [
    ["/admin/users", "user-form"],
    ["/admin/extensions", "extension-form"],
    ["/admin/trunks", "trunk-form"],
    ["/admin/numbers", "number-form"],
    ["/leads", "lead-form"],
  ]) {
    await desk.go(path);
    await page.locator("main header button").last().click();
    await dialog.waitFor();
    await dialog.locator("footer button").last().click();
    await page.locator("[aria-invalid=true]").first().waitFor();
    await inspect(name);
    await shut();
  }
  await desk.go("/admin/trunks");
  await page.locator("article footer button").first().click();
  await dialog.waitFor();
  await inspect("test-call");
  await desk.close();
  nothingFound(findings);
}

export default {
  "everything that opens over a page, wide, light, English": ({ browser }) => windows(browser, { width: 1366, height: 768, theme: "light", language: "en" }),
  "everything that opens over a page, narrow, dark, Hindi": ({ browser }) => windows(browser, { width: 360, height: 740, theme: "dark", language: "hi" }),
};
