// Every page, light and dark, English and Hindi, wide and narrow: drawn, not clipped, without a serious axe finding.
import { URL_BASE } from "./api.mjs";
import { Desk, nothingFound, same } from "./desk.mjs";

/** Every theme, language and size, each seen twice; all eight together where pictures are wanted. */
const LOOKS = [
  { width: 1366, height: 768, theme: "light", language: "en" },
  { width: 1366, height: 768, theme: "dark", language: "hi" },
  { width: 360, height: 740, theme: "light", language: "hi" },
  { width: 360, height: 740, theme: "dark", language: "en" },
  ...(process.env.TELEHUB_SCREENSHOTS
    ? [
        { width: 1366, height: 768, theme: "light", language: "hi" },
        { width: 1366, height: 768, theme: "dark", language: "en" },
        { width: 360, height: 740, theme: "light", language: "en" },
        { width: 360, height: 740, theme: "dark", language: "hi" },
      ]
    : []),
];
const TELECALLER = ["/queue", "/queue?tab=callback", "/queue?q=zzzz", "/leads", "FIRST_LEAD", "/calls", "/account"];
const ADMIN = ["/floor", "/admin/users", "/admin/extensions", "/admin/trunks", "/admin/numbers", "/admin/dispositions", "/admin/settings", "/admin/audit", "/nowhere"];

async function firstLead(desk) {
  await desk.go("/leads");
  await desk.page.getByRole("rowheader").getByRole("link").first().click();
  await desk.page.waitForURL(/\/leads\/.+/);
  await desk.by("region", "timeline.title").waitFor();
  await desk.settled();
}

const isDark = (desk) => desk.page.evaluate(() => document.documentElement.classList.contains("dark"));

async function tour(browser, email, paths, look) {
  const desk = await Desk.open(browser, look);
  const findings = [];
  await desk.page.goto(`${URL_BASE}/sign-in`);
  await desk.settled();
  findings.push(...(await desk.inspect("sign-in")));
  for (const page of ["forgot-password", "reset-password"]) {
    await desk.go(`/${page}`);
    findings.push(...(await desk.inspect(page)));
  }
  await desk.signIn(email);
  for (const path of paths) {
    if (path === "FIRST_LEAD") await firstLead(desk);
    else await desk.go(path);
    same(await isDark(desk), look.theme === "dark", `${path} is drawn in the colours chosen`);
    findings.push(...(await desk.inspect(path === "FIRST_LEAD" ? "lead" : path.replace(/^\//, "").replace(/\W+/g, "-"))));
  }
  await desk.close();
  nothingFound(findings);
}

/** The colours are chosen in the menu, change at once, stay, and "as the computer" follows the computer. */
async function colours({ browser }) {
  const desk = await Desk.open(browser);
  const { page } = desk;
  await desk.signIn("asha@demo.local");
  const choose = async (key) => {
    await page.getByRole("button", { name: desk.t("shell.you", { name: "Asha Kulkarni" }) }).click();
    await page.getByRole("menuitemradio", { name: desk.t(key), exact: true }).click();
    await page.keyboard.press("Escape");
  };
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  same(await isDark(desk), false, "light at first");
  await choose("shell.themeDark");
  await page.waitForFunction(() => document.documentElement.classList.contains("dark"));
  same((await ground()) === light, false, "the ground is another one");
  await page.reload();
  await desk.settled();
  same(await isDark(desk), true, "dark after a reload");
  await choose("shell.themeSystem");
  await page.waitForFunction(() => !document.documentElement.classList.contains("dark"));
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForFunction(() => document.documentElement.classList.contains("dark"));
  await desk.close();
}

/** API-02: the document is readable on the server itself, and the browser has nothing to complain of. */
async function apiPages({ browser }) {
  const desk = await Desk.open(browser);
  await desk.page.goto(`${URL_BASE}/docs/`);
  const operation = desk.page.locator(".opblock").filter({ hasText: "/api/v1/calls/start" });
  await operation.first().waitFor();
  await operation.first().getByRole("button").first().click();
  await desk.page.getByText("Place a call: one's own phone rings first").first().waitFor();
  await desk.close();
}

const stories = {
  "the colours are chosen in the menu": colours,
  "the API's own pages are readable": apiPages,
};
for (const look of LOOKS) {
  const name = `${look.width} ${look.theme} ${look.language}`;
  stories[`a telecaller's pages are drawn well, ${name}`] = ({ browser }) => tour(browser, "asha@demo.local", TELECALLER, look);
  stories[`an administrator's pages are drawn well, ${name}`] = ({ browser }) => tour(browser, "admin@demo.local", ADMIN, look);
}
export default stories;
