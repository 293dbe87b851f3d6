// The call screen in every state, both themes and languages, wide and narrow, driven by keys alone:
// drawn well, nothing clipped, without a serious axe finding.
import { ask, lead, until } from "./api.mjs";
import { Desk, nothingFound, same } from "./desk.mjs";

async function byKeys({ browser }, look) {
  const person = await lead("asha", "Lakshmi Subramanian", "0001", { organisation: "Saraswati Coaching", email: "lakshmi@example.in", language: look.language, lead_score: 99, metadata: { course: "Spoken English" } });
  const desk = await Desk.open(browser, look);
  const { page } = desk;
  const findings = [];
  const inspect = async (name) => {
    await page.waitForTimeout(300);
    findings.push(...(await desk.inspect(name)));
  };
  await desk.signIn("asha@demo.local");
  await desk.go("/queue");
  // The row at hand is called by its key.
  await page.keyboard.press("Slash");
  await page.keyboard.type(person.phone.slice(3));
  // Nobody else has this number.
  await page.locator("li[aria-setsize='1']").filter({ hasText: person.name }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("KeyC");
  await desk.screen.waitFor();
  await inspect("hud-ringing");
  await desk.phase("talking");
  const notes = desk.by("textbox", "hud.notes", {}, { exact: false });
  await notes.focus();
  await page.keyboard.type("Wants the brochure.");
  await desk.screen.getByText(desk.t("saving.saved"), { exact: true }).waitFor();
  await inspect("hud-talking");
  await desk.by("button", "hud.mute").focus();
  await page.keyboard.press("KeyK");
  await desk.by("group", "hud.keypad").waitFor();
  await inspect("hud-keypad");
  await page.keyboard.press("KeyK");
  await page.keyboard.press("KeyH");
  await desk.phase("held");
  await inspect("hud-held");
  await page.reload();
  await desk.phase("held");
  await desk.screen.waitFor();
  same(await notes.inputValue(), "Wants the brochure.", "the note survives a reload");
  await page.keyboard.press("Backslash");
  await desk.screen.waitFor({ state: "hidden" });
  await inspect("dock");
  await page.keyboard.press("Backslash");
  await desk.screen.waitFor();
  await page.keyboard.press("Control+Shift+KeyE");
  await desk.phase("over");
  await inspect("hud-wrapup");
  await page.keyboard.press("Digit3");
  await desk.by("button", "callback.tomorrow").waitFor();
  await inspect("hud-outcome");
  await desk.by("button", "callback.tomorrow").focus();
  await page.keyboard.press("Space");
  await page.keyboard.press("Control+Enter");
  await desk.toast("outcome.saved", { name: desk.t("disposition.CALLBACK") }).waitFor();
  await desk.dock.waitFor({ state: "detached" });
  await inspect("after-outcome");
  await desk.close();
  nothingFound(findings);
}

/** The picture of the README: a floor at work, a lead with a past, a call that has run for a while. */
async function picture({ browser }) {
  const person = await lead("asha", "Lakshmi Subramanian", "0001", { organisation: "Saraswati Coaching", email: "lakshmi.s@example.in", pincode: "560034", language: "en", lead_score: 86, priority: "hot", source: "landing_page", metadata: { course: "Spoken English" } });
  const { call_id: before } = await ask("asha", "POST", "/calls/start", { lead_id: person.id });
  const row = () => ask("asha", "GET", `/calls/${before}`).catch(() => ({}));
  await until("the first talk", 20, async () => (await row()).answered_at);
  await new Promise((done) => setTimeout(done, 9_000));
  await ask("asha", "POST", `/calls/${before}/hangup`);
  await until("its end", 20, async () => (await row()).ended_at);
  await ask("asha", "POST", `/calls/${before}/disposition`, { code: "INTERESTED", notes: "Her daughter, class 9. Asked what the evening batch costs." });
  await ask("asha", "POST", `/leads/${person.id}/notes`, { text: "Fee sheet sent by e-mail." });
  const desk = await Desk.open(browser);
  await desk.signIn("asha@demo.local");
  await desk.go("/queue");
  await ask("asha", "POST", "/calls/start", { lead_id: person.id });
  await desk.phase("talking");
  await desk.by("textbox", "hud.notes", {}, { exact: false }).focus();
  await desk.page.keyboard.type("Evening batch suits, Monday and Thursday. Wants to see the free class first; her husband decides with her. ");
  await desk.dock.getByText(/^01:1/).waitFor({ timeout: 90_000 });
  await desk.shoot("readme");
  await desk.by("button", "hud.hangup").click();
  await desk.phase("over");
  await desk.close();
}

const stories = process.env.TELEHUB_SCREENSHOTS ? { "a call for the README's picture": picture } : {};
for (const look of [
  { width: 1366, height: 768, theme: "light", language: "en" },
  { width: 1366, height: 768, theme: "dark", language: "hi" },
  { width: 360, height: 740, theme: "light", language: "hi" },
  { width: 360, height: 740, theme: "dark", language: "en" },
]) {
  stories[`a call from the queue by keys alone, ${look.width} ${look.theme} ${look.language}`] = (stage) => byKeys(stage, look);
}
export default stories;
