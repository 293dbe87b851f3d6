// Dialling by hand on the desk: typed in any form, matched while typing, refused in words, called by one press.
import { ask, lead, someNumber, until } from "./api.mjs";
import { Desk, nothingFound, same } from "./desk.mjs";

const manual = (on) => ask("admin", "PATCH", "/settings", { desk: { manual_dialing: on } });
const field = (desk) => desk.by("textbox", "dial.number");
const callOf = async (number) => (await ask("asha", "GET", "/calls?limit=20")).items.find((call) => call.to === number);

/** HUD-15, ux.md 3a "Dial pad": by keys alone from opening to the outcome; then the number is among the recent ones. */
async function byHand({ browser }) {
  await manual(true);
  const desk = await Desk.open(browser);
  const { page } = desk;
  await desk.signIn("asha@demo.local");
  await desk.go("/queue");
  const number = someNumber("0015");
  await desk.by("button", "dial.title").waitFor();
  await page.keyboard.press("KeyD");
  await field(desk).waitFor();
  await page.keyboard.insertText(`Mob: 0${number.slice(3, 8)} ${number.slice(8)}`);
  await page.getByText(desk.t("form.understood", { number: `+91 ${number.slice(3, 8)} ${number.slice(8)}` })).waitFor();
  nothingFound(await desk.inspect("dial-pad"));
  await page.keyboard.press("Enter");
  await desk.phase("talking");
  await desk.dialog.waitFor({ state: "detached" });
  // Nobody types any more: the call has its screen.
  await desk.screen.waitFor();
  await page.keyboard.press("Control+Shift+KeyE");
  await desk.phase("over");
  await page.keyboard.press("Digit2");
  await page.keyboard.press("Enter");
  await desk.dock.waitFor({ state: "detached" });
  same((await callOf(number)).disposition, "NOT_INTERESTED", "the outcome is kept");
  await page.keyboard.press("KeyD");
  const again = page.getByRole("list", { name: desk.t("dial.recent") }).getByRole("button").first();
  await again.getByText(`+91 ${number.slice(3, 8)} ${number.slice(8)}`).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await desk.phase("talking");
  await desk.by("button", "hud.hangup").click();
  await desk.phase("over");
  await desk.close();
}

/** UI acceptance 9, TEL dial policy: what may not be dialled is said at the field, in the reader's language. */
async function refused({ browser }) {
  await manual(false);
  const asked = await lead("asha", "Nirmala Iyer", "5521");
  await ask("admin", "POST", "/dnd", { phone: asked.phone, reason: "asked" });
  const desk = await Desk.open(browser, { width: 360, height: 740, language: "hi", theme: "dark" });
  const { page } = desk;
  await desk.signIn("asha@demo.local");
  await desk.by("button", "dial.title").click();
  await page.getByText(desk.t("dial.leadsOnly")).waitFor();
  await field(desk).fill(someNumber("0015"));
  await page.keyboard.press("Enter");
  const said = (rule) => desk.dialog.getByRole("alert").filter({ hasText: desk.t(`blocked.${rule}`) });
  await said("manual_dialing_off").waitFor();
  await field(desk).fill(asked.phone.slice(3));
  await said("manual_dialing_off").waitFor({ state: "detached" });
  await page.getByRole("list", { name: desk.t("dial.known") }).getByText(asked.name).waitFor();
  await desk.by("button", "call.callName", { name: asked.name }).click();
  await said("do_not_call").waitFor();
  await field(desk).fill("12");
  await page.keyboard.press("Enter");
  await said("number_invalid").waitFor();
  nothingFound(await desk.inspect("dial-refused"));
  await page.keyboard.press("Escape");
  await desk.dialog.waitFor({ state: "detached" });
  await desk.close();
}

/** A call that comes while a number is typed takes neither the keyboard nor the text, and is not covered. */
async function interrupted({ browser, phone }) {
  const desk = await Desk.open(browser);
  const { page } = desk;
  const person = await lead("asha", "Tara Singh", "0015");
  await desk.signIn("asha@demo.local");
  await desk.go("/queue");
  await page.keyboard.press("Control+KeyK");
  await desk.dialog.getByRole("combobox").fill("98111 000");
  await desk.dialog.getByRole("option", { name: desk.t("palette.dial", { number: "98111 000" }) }).click();
  same(await field(desk).inputValue(), "98111 000", "the pad goes on where the palette was");
  phone.auto = false;
  const { call_id: id } = await ask("asha", "POST", "/calls/start", { lead_id: person.id });
  await desk.phase("calling_you");
  await page.keyboard.type("7");
  same(await field(desk).inputValue(), "98111 0007", "the text and the keyboard are where they were");
  await desk.dock.getByRole("button", { name: desk.t("call.hangup") }).click();
  await until("the call is over", 20, async () => (await ask("asha", "GET", `/calls/${id}`)).ended_at);
  await desk.close();
}

export default {
  "a number is dialled by hand, with keys alone, and again": byHand,
  "a number that may not be dialled says why at the field": refused,
  "a call that comes while a number is typed takes nothing away": interrupted,
};
