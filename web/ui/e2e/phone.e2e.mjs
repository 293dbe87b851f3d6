// The desk's page as the telecaller's phone: nothing but a headset on the computer.
import { URL_BASE, ask, extension, lead, someNumber, until } from "./api.mjs";
import { Desk, MICROPHONE_HZ, check, nothingFound, same } from "./desk.mjs";
import { Carrier, SIP } from "./phones.mjs";

/** Seconds within the next ones that a tone is the loudest thing in what the page plays. */
const heard = (page, hertz, seconds) =>
  page.evaluate(
    async ({ hertz, seconds }) => {
      const player = document.querySelector("audio[data-leg]");
      if (!player?.srcObject) return -1;
      const context = new AudioContext({ sampleRate: 48_000 });
      const analyser = context.createAnalyser();
      analyser.fftSize = 4096;
      context.createMediaStreamSource(player.srcObject).connect(analyser);
      const bins = new Float32Array(analyser.frequencyBinCount);
      const width = context.sampleRate / analyser.fftSize;
      let times = 0;
      for (let n = 0; n < seconds * 20; n++) {
        await new Promise((later) => setTimeout(later, 50));
        analyser.getFloatFrequencyData(bins);
        let loudest = 1;
        for (let bin = 1; bin < bins.length; bin++) if (bins[bin] > bins[loudest]) loudest = bin;
        if (bins[loudest] > -65 && Math.abs(loudest * width - hertz) <= 2 * width) times += 1;
      }
      await context.close();
      return times / 20;
    },
    { hertz, seconds },
  );

/** The whole sentence: that of another tab's phone ends like it. */
const says = (desk, key) => desk.page.getByRole("status").filter({ hasText: new RegExp(`^${desk.t(key).replace(/[.?]/g, "\\$&")}$`) }).waitFor({ state: "attached" });
const isPhone = (desk) => says(desk, "phone.ready");

async function judge(desk) {
  await desk.phase("over");
  await desk.screen.getByRole("radio", { name: desk.t("disposition.INTERESTED"), exact: true }).click();
  await desk.by("button", "outcome.save").click();
  await desk.dock.waitFor({ state: "detached" });
}

/** A first call with nothing but a headset: asked for, taken by itself, heard both ways; then one that comes in. */
async function headset({ browser }) {
  const desk = await Desk.open(browser);
  await desk.context.grantPermissions(["microphone"], { origin: URL_BASE });
  const { page } = desk;
  await desk.signIn("bharat@demo.local");
  await desk.go("/queue");
  await desk.by("button", "phone.use").click();
  await isPhone(desk);
  nothingFound(await desk.inspect("page-phone"));
  await ask("bharat", "POST", "/agents/me/state", { state: "ready" });
  // Who says back what is said.
  const person = await lead("bharat", "Echo Sharma", "0009");
  await desk.go(`/leads/${person.id}`);
  await isPhone(desk);
  await page.keyboard.press("KeyC");
  await desk.phase("talking");
  const echo = await heard(page, MICROPHONE_HZ, 4);
  check(echo > 0.6, `she hears what she says come back: ${echo} s`);
  await desk.by("button", "hud.hangup").click();
  await judge(desk);

  const carrier = await Carrier.open(`+9180${String(41_000_000 + (Date.now() % 900_000))}`, "102");
  try {
    const call = await carrier.call(someNumber("4420"));
    await desk.phase("incoming");
    await desk.by("button", "phone.answer").waitFor();
    nothingFound(await desk.inspect("page-phone-rings"));
    await page.keyboard.press("KeyA");
    await desk.phase("talking");
    await desk.by("button", "hud.hangup").click();
    await judge(desk);
    await call.stop();
  } finally {
    await carrier.close();
  }
  // One tab is the phone; the next one takes over when it is closed.
  const second = await desk.secondTab("/queue");
  await says(second, "phone.elsewhere");
  same((await extension("102")).registrations.length, 1, "one phone of the two tabs");
  await page.close();
  await isPhone(second);
  // A desk phone again: nothing of the page is registered any more.
  await second.by("button", "phone.use").click();
  await until("no phone of the extension is left", 10, async () => (await extension("102")).registrations.length === 0);
  await desk.close();
}

/** E07: a page that is frozen is known within 10 s and not called; thawed, it is called again without a press. */
async function frozen({ browser, phone }) {
  const desk = await Desk.open(browser);
  await desk.context.grantPermissions(["microphone"], { origin: URL_BASE });
  await desk.signIn("bharat@demo.local");
  await desk.go("/queue");
  await desk.by("button", "phone.use").click();
  await isPhone(desk);
  const phones = async () => (await extension("102")).registrations.length;
  // Off the button, whose hint would lie over the call that comes.
  await desk.page.mouse.move(640, 500);
  // Longer than a sleeping page is kept: this one is awake.
  await desk.page.waitForTimeout(9000);
  same(await phones(), 1, "an idle page stays reachable");
  const tools = await desk.context.newCDPSession(desk.page);
  // Not a line of the page runs from here on: what a frozen tab is to everybody else. (A page that hears the microphone is
  // not frozen by the browser itself.)
  await tools.send("Debugger.enable");
  const stopped = new Promise((done) => tools.once("Debugger.paused", done));
  await tools.send("Debugger.pause");
  await stopped;
  await until("the frozen page is no phone any more", 10, async () => (await phones()) === 0);
  phone.say("dial", `sip:102@${SIP}`);
  await until("the colleague's call ends", 10, () => phone.events.includes("CALL_CLOSED"));
  check(!phone.events.some((kind) => kind === "CALL_RINGING" || kind === "CALL_ESTABLISHED"), `nothing rings: ${phone.events}`);
  phone.events.length = 0;
  await tools.send("Debugger.resume");
  await tools.send("Debugger.disable");
  await until("the thawed page is a phone", 10, async () => (await phones()) === 1);
  await isPhone(desk);
  phone.say("dial", `sip:102@${SIP}`);
  await desk.by("button", "phone.refuse").click();
  await phone.heard("CALL_CLOSED");
  await desk.by("button", "phone.use").click();
  await until("no phone of the extension is left", 10, async () => (await phones()) === 0);
  await desk.close();
}

/** Who does not let the browser hear the microphone is told what to do, and keeps the desk phone. */
async function denied({ browser }) {
  const desk = await Desk.open(browser, { width: 360, height: 740, language: "hi", theme: "dark" });
  const { page } = desk;
  await page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
  });
  await desk.signIn("bharat@demo.local");
  await desk.by("button", "phone.use").click();
  await desk.toast("phone.fault.denied").waitFor();
  nothingFound(await desk.inspect("page-phone-denied"));
  await desk.close();
}

export default {
  "a page with a headset calls and is called": headset,
  "a page that is frozen is not called": frozen,
  "a page without a microphone says why": denied,
};
