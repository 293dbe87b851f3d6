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
  await dialog.getByRole("combobox").fill("98765");
  await dialog.getByRole("option").filter({ hasText: "+91 98765" }).first().waitFor();
  await inspect("palette");
  await shut();

  await page.keyboard.press("Shift+Slash");
  await dialog.waitFor();
  await inspect("keys");
  await shut();

  await page.getByRole("button", { name: desk.t("shell.you", { name: "Arvind Menon" }) }).click();
  await page.getByRole("menu").waitFor();
  await inspect("user-menu");
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: `${desk.t("extensions.setup")}: 101` }).click();
  await dialog.waitFor();
  await desk.by("button", "setup.reveal").click();
  await dialog.getByText(desk.t("setup.password"), { exact: true }).waitFor();
  await inspect("phone-setup");
  await shut();

  for (const [path, name, word] of [
    ["/admin/users", "user-form", "users.new"],
    ["/admin/extensions", "extension-form", "extensions.new"],
    ["/admin/trunks", "trunk-form", "trunks.new"],
    ["/admin/numbers", "number-form", "numbers.new"],
    ["/leads", "lead-form", "leads.new"],
  ]) {
    await desk.go(path);
    await desk.by("button", word).click();
    await dialog.waitFor();
    await desk.by("button", "ui.save").last().click();
    await page.locator("[aria-invalid=true]").first().waitFor();
    await inspect(name);
    await shut();
  }
  await desk.go("/admin/trunks");
  await page.getByRole("button", { name: `${desk.t("trunks.test")}: demo-carrier` }).click();
  await dialog.waitFor();
  await inspect("test-call");
  await desk.close();
  nothingFound(findings);
}

export default {
  "everything that opens over a page, wide, light, English": ({ browser }) => windows(browser, { width: 1366, height: 768, theme: "light", language: "en" }),
  "everything that opens over a page, narrow, dark, Hindi": ({ browser }) => windows(browser, { width: 360, height: 740, theme: "dark", language: "hi" }),
};
