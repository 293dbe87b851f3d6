// Every page, light and dark, English and Hindi, wide and narrow: drawn, not clipped, without a serious axe finding.
import { URL_BASE } from "./api.mjs";
import { Desk, nothingFound } from "./desk.mjs";

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
    findings.push(...(await desk.inspect(path === "FIRST_LEAD" ? "lead" : path.replace(/^\//, "").replace(/\W+/g, "-"))));
  }
  await desk.close();
  nothingFound(findings);
}

const stories = {};
for (const look of LOOKS) {
  const name = `${look.width} ${look.theme} ${look.language}`;
  stories[`a telecaller's pages are drawn well, ${name}`] = ({ browser }) => tour(browser, "asha@demo.local", TELECALLER, look);
  stories[`an administrator's pages are drawn well, ${name}`] = ({ browser }) => tour(browser, "admin@demo.local", ADMIN, look);
}
export default stories;
