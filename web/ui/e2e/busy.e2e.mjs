// The pages with something on them: a lead with a past and a recording, a list of calls, a floor that talks,
// a company's rules to their end, an audit trail of all sorts. Drawn well, without a serious axe finding.
import { ask, lead, until } from "./api.mjs";
import { Desk, nothingFound } from "./desk.mjs";

/** A talk of a few seconds with an outcome, and what stands around it in a timeline. */
async function past() {
  const person = await lead("asha", "Lakshmi Subramanian", "0001", { organisation: "Saraswati Coaching Classes and Hostel", email: "lakshmi@example.in", lead_score: 86, metadata: { course: "Spoken English" } });
  const { call_id: id } = await ask("asha", "POST", "/calls/start", { lead_id: person.id });
  const row = () => ask("asha", "GET", `/calls/${id}`).catch(() => ({}));
  await until("the talk", 20, async () => (await row()).answered_at);
  await new Promise((done) => setTimeout(done, 3_000));
  await ask("asha", "POST", `/calls/${id}/hangup`);
  await until("its end", 20, async () => (await row()).ended_at);
  await ask("asha", "POST", `/calls/${id}/disposition`, { code: "CALLBACK", notes: "Her daughter, class 9. Asked what the evening batch costs.", callback_at: new Date(Date.now() + 26 * 3_600_000).toISOString() });
  await ask("asha", "POST", `/leads/${person.id}/notes`, { text: "Fee sheet sent by e-mail." });
  const { updated_at } = await ask("asha", "GET", `/leads/${person.id}`);
  await ask("asha", "PATCH", `/leads/${person.id}`, { updated_at, priority: "hot", organisation: "Saraswati Coaching" });
  await until("the recording", 30, async () => ["ready", "recovered"].includes((await row()).recording?.state));
  return { person, id };
}

async function busy(browser, look) {
  const { person, id } = await past();
  const findings = [];
  const desk = await Desk.open(browser, look);
  const inspect = async (name, one = desk) => {
    await one.page.waitForTimeout(250);
    findings.push(...(await one.inspect(name)));
  };
  await desk.signIn("asha@demo.local");
  await desk.go(`/leads/${person.id}`);
  const timeline = desk.by("region", "timeline.title");
  await timeline.getByRole("button", { name: desk.t("recording.listen") }).first().click();
  await timeline.getByRole("button", { name: desk.t("recording.play") }).waitFor();
  await timeline.scrollIntoViewIfNeeded();
  await inspect("lead-past");
  await desk.go(`/calls?call=${id}`);
  await desk.by("button", "recording.play").waitFor();
  await inspect("calls-detail");
  await desk.go("/calls?direction=internal&from=2020-01-01&to=2020-01-02");
  await desk.by("button", "ui.showAll").waitFor();
  await inspect("calls-none");
  await desk.go("/queue");
  await inspect("queue-busy");
  await desk.page.getByRole("button", { name: new RegExp(`^${desk.t("agent.yourState")}`) }).click();
  await desk.page.getByRole("menu").waitFor();
  await inspect("agent-menu");
  await desk.page.keyboard.press("Escape");

  const admin = await Desk.open(browser, look);
  await admin.signIn("manager@demo.local");
  await ask("asha", "POST", "/calls/start", { lead_id: person.id });
  await admin.go("/floor");
  await admin.page.getByRole("cell").filter({ hasText: admin.t("agentState.on_call") }).first().waitFor();
  await inspect("floor-busy", admin);
  await desk.tidy("asha");
  await admin.go("/calls");
  await inspect("calls-manager", admin);
  await admin.close();

  const boss = await Desk.open(browser, look);
  await boss.signIn("admin@demo.local");
  await boss.go("/admin/settings");
  await boss.by("button", "ui.save").scrollIntoViewIfNeeded();
  await inspect("settings-end", boss);
  const { dispositions } = await ask("admin", "GET", "/settings");
  await ask("admin", "PATCH", "/settings", { dispositions: { ...dispositions, edit_minutes: dispositions.edit_minutes + 5 } });
  await ask("admin", "PATCH", "/settings", { dispositions });
  await boss.go("/admin/audit");
  await inspect("audit-busy", boss);
  await boss.go("/queue");
  await inspect("queue-admin", boss);
  await boss.close();
  await desk.close();
  nothingFound(findings);
}

const stories = {};
for (const look of [
  { width: 1366, height: 768, theme: "light", language: "en" },
  { width: 1366, height: 768, theme: "dark", language: "hi" },
  { width: 360, height: 740, theme: "light", language: "hi" },
  { width: 360, height: 740, theme: "dark", language: "en" },
]) {
  stories[`pages with something on them are drawn well, ${look.width} ${look.theme} ${look.language}`] = ({ browser }) => busy(browser, look);
}
export default stories;
