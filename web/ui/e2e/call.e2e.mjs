// A call from the desk over a real phone and the simulated carrier: placed, followed, steered, ended, judged, heard again.
import { ask, lead, until } from "./api.mjs";
import { Desk, PATIENCE, check, same } from "./desk.mjs";

/** Opens a lead's page as Asha and waits until she may call. */
async function atLead(browser, person, look) {
  const desk = await Desk.open(browser, look);
  await desk.signIn("asha@demo.local");
  await desk.go(`/leads/${person.id}`);
  return desk;
}

/** An outcome's button in the grid; numbers on it are no part of its name. */
const outcome = (desk, code, options = {}) => desk.screen.getByRole("radio", { name: desk.t(`disposition.${code}`), exact: true, ...options });
const callButton = (desk, person) => desk.by("button", "call.callName", { name: person.name }).first();

/** Loudness of a pitch in each channel of the recording that the page's player has loaded, 0 to 1. */
async function heardInPlayer(desk, hz) {
  return desk.page.evaluate(async (hz) => {
    const bytes = await (await fetch(document.querySelector("audio").src)).arrayBuffer();
    const sound = await new AudioContext().decodeAudioData(bytes);
    return Array.from({ length: sound.numberOfChannels }, (_, channel) => {
      const samples = sound.getChannelData(channel);
      let [re, im, power] = [0, 0, 0];
      samples.forEach((sample, n) => {
        const angle = (2 * Math.PI * hz * n) / sound.sampleRate;
        re += sample * Math.cos(angle);
        im += sample * Math.sin(angle);
        power += sample * sample;
      });
      return power === 0 ? 0 : (2 * (re * re + im * im)) / samples.length / power;
    });
  }, hz);
}

/** Pixels of the waveform that are not blank. */
const drawnPixels = (player) =>
  player.locator("canvas").evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let drawn = 0;
    for (let at = 3; at < data.length; at += 4) drawn += data[at] > 0 ? 1 : 0;
    return drawn / (canvas.width * canvas.height);
  });

/** DIA-01, HUD-02, HUD-14, DSP-16, PBX-14: every state is seen, the outcome is kept, the recording plays. */
async function wholeCall({ browser, phone }) {
  const person = await lead("asha", "Meera Joshi", "0001");
  const desk = await atLead(browser, person);
  const { page } = desk;
  phone.auto = false;
  await callButton(desk, person).click();
  await desk.phase("calling_you");
  await desk.screen.getByRole("heading", { name: person.name }).waitFor();
  await phone.heard("CALL_INCOMING");
  phone.say("accept");
  await desk.phase("ringing");
  await desk.phase("talking");
  await desk.dock.getByText(desk.t("hud.recording")).waitFor();
  const timer = desk.dock.getByRole("timer", { name: desk.t("hud.timer") });
  await until("the timer runs", 20, async () => (await timer.textContent()) >= "00:03");
  check((await page.title()).includes(desk.t("phase.talking")), "the tab's title tells the state");

  await desk.by("button", "hud.mute").click();
  await desk.by("button", "hud.unmute", {}, { pressed: true }).click();
  await desk.by("button", "hud.mute", {}, { pressed: false }).waitFor();
  await desk.by("button", "hud.hold").click();
  await desk.phase("held");
  await desk.by("button", "hud.resume").click();
  await desk.phase("talking");

  const notes = desk.by("textbox", "hud.notes", {}, { exact: false });
  await notes.fill("Wants the brochure.");
  await desk.screen.getByText(desk.t("saving.saved"), { exact: true }).waitFor();
  await desk.by("button", "hud.hangup").click();
  await phone.heard("CALL_CLOSED");
  await desk.phase("over");
  await outcome(desk, "INTERESTED").click();
  await desk.by("button", "outcome.save").click();
  await desk.toast("outcome.saved", { name: desk.t("disposition.INTERESTED") }).waitFor();
  await desk.dock.waitFor({ state: "detached" });

  // The page below is the lead's: the call stands in its timeline, and its recording plays there.
  const entry = desk.by("region", "timeline.title").getByRole("listitem").filter({ hasText: desk.t("timeline.outbound") });
  await entry.getByText(desk.t("disposition.INTERESTED")).waitFor();
  await entry.getByText("Wants the brochure.").waitFor();
  await entry.getByRole("button", { name: desk.t("recording.listen") }).click();
  const player = entry.getByRole("group");
  await player.getByRole("button", { name: desk.t("recording.play") }).click();
  const seconds = () => page.evaluate(() => document.querySelector("audio").currentTime);
  await until("the recording plays", 20, async () => (await seconds()) > 1);
  await player.getByRole("button", { name: desk.t("recording.pause") }).click();
  check((await page.evaluate(() => document.querySelector("audio").duration)) > 3, "the recording is as long as the talk");
  check((await drawnPixels(player)) > 0.02, "the waveform is drawn");
  const [customer, ours] = await heardInPlayer(desk, 600);
  check(ours > 0.5, `our side says its tone: ${ours}`);
  check(customer < 0.1, `the customer does not: ${customer}`);
  const position = player.getByRole("slider", { name: desk.t("recording.position") });
  await position.focus();
  await page.keyboard.press("ArrowLeft");
  await until("the arrow goes back", 5, async () => (await seconds()) < 1);
  await desk.close();
}

/** HUD-09: keys go out to the far side; what it presses is shown. The carrier's 0010 gives every key back. */
async function keypad({ browser }) {
  const person = await lead("asha", "Imran Ansari", "0010");
  const desk = await atLead(browser, person);
  await callButton(desk, person).click();
  await desk.phase("talking");
  await desk.page.keyboard.press("KeyK");
  await desk.by("button", "hud.digit", { digit: "5" }).click();
  await desk.page.keyboard.press("Digit7");
  await desk.page.keyboard.press("Shift+Digit3");
  await desk.screen.getByText(desk.t("hud.pressed", { digits: "57#" })).waitFor();
  same(await desk.by("status", "hud.sentDigits").textContent(), "57#", "the keys sent are shown");
  await desk.page.keyboard.press("Control+Shift+KeyE");
  await desk.phase("over");
  await desk.close();
}

/** DSP-02, DSP-16, DSP-21: nothing is saved without what the outcome needs; 1 to 9 choose it. */
async function outcomeRules({ browser }) {
  const person = await lead("asha", "Sunita Patil", "0015");
  const desk = await atLead(browser, person);
  const { page } = desk;
  const all = (await ask("asha", "GET", "/dispositions")).items.filter((one) => one.active).sort((a, b) => a.position - b.position);
  const needsNote = all.find((one) => one.required.includes("notes"));
  await callButton(desk, person).click();
  await desk.phase("talking");
  same(await desk.by("button", "outcome.save").getAttribute("aria-disabled"), "true", "no outcome while they talk");
  await page.keyboard.press("Control+Shift+KeyE");
  await desk.phase("over");
  await page.keyboard.press("Control+Enter");
  await desk.screen.getByText(desk.t("outcome.need.code")).waitFor();

  await outcome(desk, needsNote.code).click();
  await page.keyboard.press("Control+Enter");
  await desk.screen.getByText(desk.t("outcome.need.notes")).waitFor();
  for (const [index, one] of all.slice(0, 9).entries()) {
    await page.keyboard.press(`Digit${index + 1}`);
    await outcome(desk, one.code, { checked: true }).waitFor();
  }
  await page.keyboard.press(`Digit${all.findIndex((one) => one.code === "CALLBACK") + 1}`);
  await desk.by("button", "callback.tomorrow").click();
  await desk.by("button", "callback.tomorrow", {}, { pressed: true }).waitFor();
  await page.keyboard.press("Control+Enter");
  await desk.toast("outcome.saved", { name: desk.t("disposition.CALLBACK") }).waitFor();
  const callbacks = await ask("asha", "GET", "/callbacks?limit=200");
  const promise = callbacks.items.find((one) => one.lead_id === person.id);
  same(promise?.status, "pending", "the promise is kept by the server");
  same(new Date(promise.due_at).toLocaleTimeString("en-GB", { timeZone: "Asia/Kolkata" }), "11:00:00", "at the time chosen");
  await desk.by("region", "timeline.title").getByText(desk.t("timeline.callback")).waitFor();
  await desk.close();
}

/** A refused, a busy and a dead number: the desk says why and suggests the outcome. */
async function notReached({ browser }) {
  for (const [digits, cause, code] of [
    ["0003", "busy", "BUSY"],
    ["0007", "not_found", "OUT_OF_SERVICE"],
  ]) {
    const person = await lead("asha", `Nobody ${digits}`, digits);
    const desk = await atLead(browser, person);
    await callButton(desk, person).click();
    await desk.phase("over");
    await desk.screen.getByRole("radio", { name: desk.t(`disposition.${code}`) }).getByLabel(desk.t("outcome.suggested")).waitFor();
    await desk.screen.getByRole("radio", { name: desk.t(`disposition.${code}`) }).click();
    await desk.by("button", "outcome.save").click();
    await desk.dock.waitFor({ state: "detached", timeout: PATIENCE });
    await desk.go(`/calls`);
    await desk.page.getByRole("row").filter({ hasText: person.name }).getByRole("button", { name: desk.t("calls.details") }).click();
    await desk.page.getByRole("definition").filter({ hasText: `${desk.t(`cause.${cause}`)} (` }).waitFor();
    await desk.close();
  }
}

export default {
  "a lead is called, every state is seen, the outcome is kept, the recording plays": wholeCall,
  "keys go to the far side, and its keys are shown": keypad,
  "an outcome is refused until it has what it needs": outcomeRules,
  "a call that is not reached says why": notReached,
};
