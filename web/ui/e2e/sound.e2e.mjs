// What is heard: measured on the way to the loudspeakers, as the browser itself mixes it (ux.md §2).
import { ask, lead, someNumber, until } from "./api.mjs";
import { Desk, check, nothingFound, same } from "./desk.mjs";
import { Carrier } from "./phones.mjs";

let dids = 0;
const someDid = () => `+9180${String(41_000_000 + (Date.now() % 900_000) * 10 + (dids += 1) % 10)}`;

/** Everything that goes to a loudspeaker also goes to a meter of the story's own. */
const METERS = () => {
  // The driver's own questions count as presses for the browser. Here only presses count, and as there they stay with the tab.
  const press = () => sessionStorage.setItem("pressed", "1");
  for (const event of ["pointerup", "keydown"]) window.addEventListener(event, press, true);
  Object.defineProperty(navigator, "userActivation", { get: () => ({ hasBeenActive: sessionStorage.getItem("pressed") === "1" }) });
  window.meters = [];
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function meter(target, ...rest) {
    if (target instanceof AudioDestinationNode) {
      const meter = this.context.createAnalyser();
      meter.fftSize = 32768;
      connect.call(this, meter);
      window.meters.push(meter);
    }
    return connect.call(this, target, ...rest);
  };
};
/** The loudest sample of the last two thirds of a second, over all loudspeakers that are on. */
const level = (desk) =>
  desk.page.evaluate(() =>
    Math.max(
      0,
      ...window.meters
        .filter((meter) => meter.context.state === "running")
        .map((meter) => {
          const samples = new Float32Array(meter.fftSize);
          meter.getFloatTimeDomainData(samples);
          return samples.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
        }),
    ),
  );
const loud = (desk, what) => until(what, 15, async () => (await level(desk)) > 0.05);
const still = (desk, what) => until(what, 15, async () => (await level(desk)) < 0.001);

async function listening(browser, look) {
  const desk = await Desk.open(browser, look);
  await desk.context.addInitScript(METERS);
  await desk.signIn("asha@demo.local");
  await desk.go("/queue");
  await ask("asha", "POST", "/agents/me/state", { state: "ready" });
  return desk;
}

/** It rings from the offer to the answer or the end of it, in one tab of two, and beeps when a call is connected. */
async function rings({ browser, phone }) {
  const carrier = await Carrier.open(someDid(), "101");
  try {
    const person = await lead("asha", "Uma Rao", "4441");
    const desk = await listening(browser);
    const { page } = desk;
    // A tab in which nothing was pressed yet may not sound, and says so.
    const other = await desk.secondTab("/leads");
    const locked = other.page.getByRole("status").getByText(desk.t("sound.locked"));
    await locked.waitFor();
    other.suffix = desk.suffix;
    nothingFound(await other.inspect("sound-locked"));
    await other.page.getByRole("heading", { level: 1 }).click();
    await locked.waitFor({ state: "detached" });
    same(await level(desk), 0, "nothing sounds before the call");

    phone.auto = false;
    const answered = await carrier.call(person.phone);
    await desk.phase("incoming");
    await loud(desk, "it rings");
    same(await level(other), 0, "one tab rings, not two");
    phone.say("accept");
    await desk.phase("talking");
    await still(desk, "an answered call rings no more");
    await page.keyboard.press("Control+Shift+KeyE");
    await desk.phase("over");
    await answered.stop();
    await desk.tidy("asha");
    await desk.dock.waitFor({ state: "detached" });

    const given = await carrier.call(someNumber("4442"));
    await desk.phase("incoming");
    await loud(desk, "the next one rings too");
    // The tab that sounds is closed: the other takes over.
    await page.close();
    await loud(other, "the tab that is left rings on");
    await given.stop();
    // That caller vanished without a CANCEL: it rings for the whole ring time, half a minute, and is over then.
    await other.by("button", "hud.hangup").waitFor({ state: "detached", timeout: 60_000 });
    await still(other, "a caller who is gone rings no more");
    await desk.tidy("asha");
    await desk.close();
  } finally {
    await carrier.close();
  }
}

/** A call that connects by itself beeps; what is switched off stays silent; each is tried and set in the menu. */
async function beeps({ browser, phone }) {
  const carrier = await Carrier.open(someDid(), "101");
  try {
    const desk = await listening(browser);
    const { page } = desk;
    const settings = async () => {
      await page.getByRole("button", { name: desk.t("shell.you", { name: "Asha Kulkarni" }) }).click();
      await desk.by("menuitem", "shell.sounds").click();
      await desk.dialog.getByText(desk.t("sound.oneTab")).waitFor();
    };
    await settings();
    nothingFound(await desk.inspect("sounds"));
    await desk.by("button", null, {}, { name: `${desk.t("sound.try")}: ${desk.t("sound.kind.ring")}` }).click();
    await loud(desk, "the ring is tried");
    await desk.dialog.getByLabel(desk.t("sound.kind.ring"), { exact: true }).uncheck();
    await page.keyboard.press("Escape");
    await desk.dialog.waitFor({ state: "detached" });
    await still(desk, "a closed window is silent");
    phone.auto = false;
    const call = await carrier.call(someNumber("4443"));
    await desk.phase("incoming");
    await phone.heard("CALL_INCOMING");
    same(await level(desk), 0, "a ring that is switched off does not ring");
    phone.say("accept");
    await loud(desk, "the beep is heard");
    await still(desk, "a beep is short");
    await page.keyboard.press("Control+Shift+KeyE");
    await desk.phase("over");
    await call.stop();
    await desk.tidy("asha");
    await settings();
    check(!(await desk.dialog.getByLabel(desk.t("sound.kind.ring"), { exact: true }).isChecked()), "what was set is kept");
    await desk.dialog.getByLabel(desk.t("sound.kind.ring"), { exact: true }).check();
    await desk.close();
    const narrow = await listening(browser, { width: 360, height: 740, theme: "dark", language: "hi" });
    await narrow.page.getByRole("button", { name: narrow.t("shell.you", { name: "Asha Kulkarni" }) }).click();
    await narrow.by("menuitem", "shell.sounds").click();
    await narrow.dialog.getByText(narrow.t("sound.oneTab")).waitFor();
    nothingFound(await narrow.inspect("sounds"));
    await narrow.close();
  } finally {
    await carrier.close();
  }
}

export default {
  "an incoming call rings in one tab until it is answered or gone": rings,
  "a connected call beeps, and sounds are set in the menu": beeps,
};
