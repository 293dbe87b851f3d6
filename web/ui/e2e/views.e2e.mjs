// Lists under a name, keys of one's own, facts edited where they stand (ux.md §2).
import { ask, lead, until } from "./api.mjs";
import { Desk, check, nothingFound, same } from "./desk.mjs";

const saved = (desk) => desk.by("navigation", "views.title");
const chip = (desk, name) => saved(desk).getByRole("button", { name: new RegExp(name) });

async function save(desk, name, { shared = false } = {}) {
  await desk.by("button", "views.save").click();
  await desk.dialog.getByLabel(desk.t("views.name")).fill(name);
  if (shared) await desk.dialog.getByLabel(desk.t("views.share")).check();
  await desk.page.keyboard.press("Control+Enter");
  await desk.dialog.waitFor({ state: "detached" });
  await chip(desk, name).waitFor();
}

/** Saved, counted, changed and shown so, kept on the way back, restored, renamed, deleted and taken back. */
async function lists({ browser }) {
  const desk = await Desk.open(browser);
  const { page } = desk;
  await desk.signIn("asha@demo.local");
  await desk.go("/leads");
  await page.getByLabel(desk.t("lead.status")).selectOption("new");
  await save(desk, "Fresh ones");
  const count = Number((await chip(desk, "Fresh ones").innerText()).match(/\d+/)?.[0]);
  same(await page.locator("tr[data-row]").count(), count, "the count is of the rows shown");
  const address = new URL(page.url());
  check(address.searchParams.get("view") && address.searchParams.get("status") === "new", `the address holds the view: ${address}`);
  nothingFound(await desk.inspect("views"));

  // An unsaved change is shown as one, survives the way to a person and back, and is taken back.
  await page.getByLabel(desk.t("lead.priority")).selectOption("hot");
  await chip(desk, "Fresh ones").getByText(desk.t("views.changed")).waitFor();
  await page.getByRole("rowheader").getByRole("link").first().click();
  await page.waitForURL(/\/leads\/.+/);
  await desk.by("region", "timeline.title").waitFor();
  await page.keyboard.press("Escape");
  await chip(desk, "Fresh ones").getByText(desk.t("views.changed")).waitFor();
  same(await page.getByLabel(desk.t("lead.priority")).inputValue(), "hot", "the change is there on the way back");
  await desk.by("button", "views.restore").click();
  same(await page.getByLabel(desk.t("lead.priority")).inputValue(), "", "as it was saved");
  await page.getByLabel(desk.t("lead.priority")).selectOption("warm");
  await desk.by("button", "views.keep").click();
  await chip(desk, "Fresh ones").getByText(desk.t("views.changed")).waitFor({ state: "detached" });

  // All, and the view again, with the browser's own back.
  await desk.by("button", "views.all").click();
  same(await page.getByLabel(desk.t("lead.status")).inputValue(), "", "all of them");
  await page.goBack();
  await page.waitForFunction(() => new URL(location.href).searchParams.get("priority") === "warm");
  same(await page.getByLabel(desk.t("lead.status")).inputValue(), "new", "the view is in the address");

  const menu = async (word) => {
    await page.getByRole("button", { name: desk.t("views.more", { name: "Fresh ones" }) }).click();
    await desk.by("menuitem", word).click();
  };
  await menu("views.delete");
  await chip(desk, "Fresh ones").waitFor({ state: "detached" });
  await desk.by("dialog", "views.deleted", { name: "Fresh ones" }).getByRole("button", { name: desk.t("ui.undo"), exact: true }).click();
  await chip(desk, "Fresh ones").waitFor();
  await menu("views.rename");
  await desk.dialog.getByLabel(desk.t("views.name")).fill("Warm and fresh");
  await desk.dialog.getByRole("button", { name: desk.t("ui.save"), exact: true }).click();
  await chip(desk, "Warm and fresh").waitFor();
  await page.reload();
  await chip(desk, "Warm and fresh").waitFor();
  await desk.close();
}

/** A leader shares a view of the calls whose days move on; an agent sees it and cannot change it. */
async function sharedView({ browser }) {
  const manager = await Desk.open(browser);
  await manager.signIn("manager@demo.local");
  await manager.go("/calls");
  await manager.page.getByLabel(manager.t("calls.period")).selectOption("today");
  await manager.page.getByLabel(manager.t("calls.status")).selectOption("missed");
  await save(manager, "Missed today", { shared: true });
  same(new URL(manager.page.url()).searchParams.get("period"), "today", "a word, not a date");
  const desk = await Desk.open(browser, { width: 360, height: 740, theme: "dark", language: "hi" });
  await desk.signIn("asha@demo.local");
  await desk.go("/calls");
  await chip(desk, "Missed today").click();
  await desk.page.waitForURL(/period=today/);
  same(await desk.page.getByLabel(desk.t("calls.status")).inputValue(), "missed", "what it asks is asked");
  nothingFound(await desk.inspect("views-shared"));
  same(await desk.page.getByRole("button", { name: desk.t("views.more", { name: "Missed today" }) }).count(), 0, "not hers to change");
  await desk.close();
  await manager.close();
}

/** E begins the edit, Tab saves and moves on, Esc restores, a mark says how it went; J and K move through the rows. */
async function editing({ browser }) {
  const person = await lead("asha", "Ila Bose", "4431");
  const desk = await Desk.open(browser);
  const { page } = desk;
  await desk.signIn("asha@demo.local");
  await desk.go("/leads");
  await page.keyboard.press("KeyJ");
  await page.keyboard.press("KeyJ");
  await page.keyboard.press("KeyK");
  const first = page.getByRole("rowheader").getByRole("link").first();
  check(await first.evaluate((node) => node === document.activeElement), "the first row has the keyboard");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/leads\/.+/);

  await desk.go(`/leads/${person.id}`);
  await page.keyboard.press("KeyE");
  const name = page.getByRole("textbox", { name: desk.t("lead.name"), exact: true });
  await name.fill("Nobody");
  await page.keyboard.press("Escape");
  await desk.by("heading", null, {}, { name: "Ila Bose", level: 1 }).waitFor();
  await page.keyboard.press("KeyE");
  await name.fill("Ila Basu");
  await page.keyboard.press("Tab");
  await desk.by("heading", null, {}, { name: "Ila Basu", level: 1 }).waitFor();
  await page.getByRole("status").getByText(desk.t("fieldMark.saved"), { exact: true }).waitFor();
  check(await page.evaluate(() => document.activeElement?.tagName === "BUTTON"), "Tab has moved on");
  // What the server does not take is said beside the field.
  await page.getByRole("button", { name: new RegExp(`^${desk.t("lead.phone")}:`) }).click();
  await page.getByRole("textbox", { name: desk.t("lead.phone"), exact: true }).fill("12");
  await page.keyboard.press("Enter");
  await page.getByRole("status").getByText(desk.t("fieldMark.failed"), { exact: true }).waitFor();
  nothingFound(await desk.inspect("lead-edited"));
  await desk.close();
}

/** Another key, what it clashes with named, in force at once, at the next computer too, and as it was again. */
async function keys({ browser }) {
  const person = await lead("asha", "Jaya Nair", "4432");
  const desk = await Desk.open(browser);
  const { page } = desk;
  await desk.signIn("asha@demo.local");
  await desk.go(`/leads/${person.id}`);
  const sheet = async (on) => {
    await on.page.keyboard.press("Shift+Slash");
    await on.dialog.waitFor();
    await on.by("button", "shortcuts.change").click();
  };
  await sheet(desk);
  const change = page.getByRole("button", { name: `${desk.t("keys.change")}: ${desk.t("lead.edit")}`, exact: true });
  await change.click();
  await page.keyboard.press("KeyM");
  await desk.dialog.getByText(desk.t("keys.taken", { name: desk.t("hud.mute") })).waitFor();
  await change.click();
  await page.keyboard.press("Alt+KeyU");
  await desk.dialog.getByText(desk.t("keys.refused.alt")).waitFor();
  await change.click();
  await page.keyboard.press("KeyU");
  await desk.toast("keys.kept", { name: desk.t("lead.edit") }).waitFor();
  nothingFound(await desk.inspect("key-editor"));
  await page.keyboard.press("Escape");
  await desk.dialog.waitFor({ state: "detached" });
  const name = (on) => on.page.getByRole("textbox", { name: on.t("lead.name"), exact: true });
  await page.keyboard.press("KeyE");
  same(await name(desk).count(), 0, "the old key is dead");
  await page.keyboard.press("KeyU");
  await name(desk).waitFor();
  await page.keyboard.press("Escape");

  const other = await Desk.open(browser, { width: 360, height: 740, theme: "dark", language: "hi" });
  await other.signIn("asha@demo.local");
  await other.go(`/leads/${person.id}`);
  await other.page.waitForFunction(() => Object.keys(localStorage).some((key) => key.startsWith("telehub.keys.") && localStorage.getItem(key)?.includes("KeyU")));
  await other.page.keyboard.press("KeyU");
  await name(other).waitFor();
  await other.page.keyboard.press("Escape");
  await sheet(other);
  nothingFound(await other.inspect("key-editor"));
  await other.by("button", "keys.restoreAll").click();
  await other.toast("keys.allRestored").waitFor();
  await other.close();
  await page.reload();
  await desk.settled();
  await page.waitForFunction(() => Object.keys(localStorage).some((key) => key.startsWith("telehub.keys.") && localStorage.getItem(key) === "{}"));
  await page.keyboard.press("KeyE");
  await name(desk).waitFor();
  await desk.close();
}

/** What came of a call is put right in the list of calls, and taken back within the toast. */
async function outcomeChanged({ browser }) {
  const person = await lead("asha", "Kavya Menon", "0001");
  const { call_id: id } = await ask("asha", "POST", "/calls/start", { lead_id: person.id });
  await until("they talk", 30, async () => (await ask("asha", "GET", `/calls/${id}`).catch(() => null))?.status === "in_progress");
  await ask("asha", "POST", `/calls/${id}/hangup`);
  await until("it is over", 15, async () => (await ask("asha", "GET", `/calls/${id}`)).ended_at);
  await ask("asha", "POST", `/calls/${id}/disposition`, { code: "INTERESTED", notes: "Fees by mail" });
  const desk = await Desk.open(browser);
  await desk.signIn("asha@demo.local");
  await desk.go(`/calls?call=${id}`);
  await desk.by("button", "calls.changeOutcome").click();
  await desk.dialog.getByLabel(desk.t("outcome.title")).selectOption("CALLBACK");
  await desk.dialog.getByRole("group", { name: desk.t("callback.title") }).waitFor();
  nothingFound(await desk.inspect("outcome-change"));
  await desk.page.keyboard.press("Control+Enter");
  await desk.dialog.filter({ hasText: desk.t("outcomeChange.note") }).waitFor({ state: "detached" });
  const outcome = async (code) => until(`the outcome is ${code}`, 10, async () => (await ask("asha", "GET", `/calls/${id}`)).disposition === code);
  await outcome("CALLBACK");
  await desk.by("button", "ui.undo").click();
  await outcome("INTERESTED");
  same((await ask("asha", "GET", `/calls/${id}`)).outcome.notes, "Fees by mail", "as it was");
  await desk.close();
}

export default {
  "a list is saved under a name, changed, restored, renamed and deleted": lists,
  "a leader shares a view of the calls": sharedView,
  "facts are edited by keys, and each says whether it is saved": editing,
  "an outcome is changed in the list of calls and taken back": outcomeChanged,
  "keys are changed, kept with the person and given back": keys,
};
