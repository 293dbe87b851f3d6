// More kinds of numbers may be called only once two roles agree: one asks on the settings, another allows on the floor.
import { ask } from "./api.mjs";
import { Desk, check, nothingFound } from "./desk.mjs";

async function widening({ browser }, look) {
  const findings = [];
  const inspect = async (name, one) => {
    await one.page.waitForTimeout(250);
    findings.push(...(await one.inspect(name)));
  };
  const admin = await Desk.open(browser, look);
  await admin.signIn("admin@demo.local");
  await admin.go("/admin/settings");
  await admin.page.getByLabel(admin.t("settings.countries")).fill("IN, AE");
  await admin.page.getByLabel(admin.t("settings.premium")).check();
  await admin.by("button", "ui.save").click();
  const notice = admin.page.getByRole("region", { name: admin.t("widening.title") });
  await notice.waitFor();
  await notice.scrollIntoViewIfNeeded();
  check(await notice.getByRole("button", { name: admin.t("widening.agree"), exact: true }).getAttribute("aria-disabled"), "the one who asked does not agree");
  check(!(await admin.page.getByLabel(admin.t("settings.premium")).isChecked()), "not allowed yet");
  await inspect("settings-widening", admin);

  const manager = await Desk.open(browser, look);
  await manager.signIn("manager@demo.local");
  await manager.go("/floor");
  const wish = manager.page.getByRole("region", { name: manager.t("widening.title") });
  await wish.waitFor();
  await inspect("floor-widening", manager);
  await wish.getByRole("button", { name: manager.t("widening.agree"), exact: true }).click();
  await wish.waitFor({ state: "detached" });
  const { calling, widening } = await ask("admin", "GET", "/settings");
  check(calling.premium && calling.countries.includes("AE") && !widening, "both agreed");
  await ask("admin", "PATCH", "/settings", { calling: { ...calling, premium: false, countries: ["IN"] } });
  await manager.close();
  await admin.close();
  nothingFound(findings);
}

export default {
  "more numbers may be called once two roles agree": (stage) => widening(stage, { width: 1366, height: 768, theme: "light", language: "en" }),
  "more numbers, on a phone in Hindi, dark": (stage) => widening(stage, { width: 360, height: 740, theme: "dark", language: "hi" }),
};
