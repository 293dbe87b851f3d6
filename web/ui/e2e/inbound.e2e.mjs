// A carrier calls: the person's card is there while the phone rings, whatever the desk was doing.
import { cpus, loadavg } from "node:os";
import { ask, lead, someNumber, until } from "./api.mjs";
import { Desk, check, nothingFound, same } from "./desk.mjs";
import { Carrier } from "./phones.mjs";

let dids = 0;
/** A number of our own that nobody has yet. */
const someDid = () => `+9180${String(40_000_000 + (Date.now() % 900_000) * 10 + (dids += 1) % 10)}`;

async function withCarrier(story) {
  const carrier = await Carrier.open(someDid(), "101");
  try {
    await story(carrier);
  } finally {
    await carrier.close();
  }
}

async function readyDesk(browser, look) {
  const desk = await Desk.open(browser, look);
  await desk.signIn("asha@demo.local");
  await desk.go("/queue");
  await ask("asha", "POST", "/agents/me/state", { state: "ready" });
  await desk.page.getByRole("button", { name: desk.t("agentState.ready") }).waitFor();
  return desk;
}

async function judge(desk, code) {
  await desk.phase("over");
  await desk.screen.getByRole("radio", { name: desk.t(`disposition.${code}`), exact: true }).click();
  await desk.by("button", "outcome.save").click();
  await desk.dock.waitFor({ state: "detached" });
}

/** TEL-02, HUD-02, HUD-12: the lead pops up, survives a reload, the answered call goes on. */
async function popsUp({ browser, phone }) {
  await withCarrier(async (carrier) => {
    const person = await lead("asha", "Ravi Tiwari", "4411");
    const desk = await readyDesk(browser);
    phone.auto = false;
    const call = await carrier.call(person.phone);
    await desk.phase("incoming");
    await desk.screen.getByRole("heading", { name: person.name }).waitFor();
    nothingFound(await desk.inspect("incoming"));
    await phone.heard("CALL_INCOMING");
    await desk.page.reload();
    await desk.phase("incoming");
    await desk.screen.getByRole("heading", { name: person.name }).waitFor();
    phone.say("accept");
    await desk.phase("talking");
    await desk.page.reload();
    await desk.phase("talking");
    await desk.screen.getByRole("heading", { name: person.name }).waitFor();
    await desk.by("button", "hud.hangup").click();
    await judge(desk, "INTERESTED");
    await desk.go("/calls");
    await desk.page.getByRole("row").filter({ hasText: person.name }).getByRole("cell").getByText(desk.t("disposition.INTERESTED")).waitFor();
    await call.stop();
    await desk.close();
  });
}

/** HUD-03: a call never takes the keyboard away from somebody who writes; HUD-04: a stranger is written down in two fields. */
async function stranger({ browser, phone }) {
  await withCarrier(async (carrier) => {
    const from = someNumber("4412");
    const desk = await readyDesk(browser);
    const { page } = desk;
    const search = desk.by("searchbox", "queue.search");
    await search.click();
    await page.keyboard.type("Meer");
    const place = async () => JSON.stringify(await search.boundingBox());
    const before = await place();
    phone.auto = false;
    const call = await carrier.call(from);
    await desk.phase("incoming");
    same(await place(), before, "nothing moves when a call comes");
    await page.keyboard.type("a N");
    same(await search.inputValue(), "Meera N", "what is typed stays where it was meant");
    check(await search.evaluate((node) => node === document.activeElement), "the field keeps the keyboard");
    phone.say("accept");
    await desk.phase("talking");
    await desk.by("button", "hud.open").click();
    await desk.screen.getByText(desk.t("hud.unknown")).waitFor();
    await desk.by("button", "hud.createLead").click();
    await desk.screen.getByText(desk.t("hud.nameMissing")).waitFor();
    nothingFound(await desk.inspect("stranger"));
    await desk.screen.getByLabel(desk.t("lead.name")).fill("Zubin Irani");
    await desk.by("button", "hud.createLead").click();
    await desk.screen.getByRole("heading", { name: "Zubin Irani" }).waitFor();
    await desk.by("button", "hud.hangup").click();
    await judge(desk, "INTERESTED");
    const { items } = await ask("admin", "GET", `/leads?q=${encodeURIComponent(from)}&limit=5`);
    same(items[0]?.name, "Zubin Irani", "the stranger is a lead now");
    same((await ask("admin", "GET", `/calls?lead_id=${items[0].id}&limit=5`)).items[0]?.disposition, "INTERESTED", "the call is theirs, and so is its outcome");
    await desk.go(`/leads/${items[0].id}`);
    await desk.by("region", "timeline.title").getByText(desk.t("timeline.inbound")).waitFor();
    await call.stop();
    await desk.close();
  });
}

/** TEL-10: somebody known calls from another phone; the agent says who it is, and the card and the timeline follow. */
async function anotherPhone({ browser, phone }) {
  await withCarrier(async (carrier) => {
    const person = await lead("asha", `Nusrat ${Math.floor(Math.random() * 1e6)}`, "4415");
    const desk = await readyDesk(browser);
    phone.auto = false;
    const call = await carrier.call(someNumber("4416"));
    await desk.phase("incoming");
    await desk.screen.getByText(desk.t("hud.unknown")).waitFor();
    // Until it is answered it is nobody's call, and the desk says so.
    same(await desk.by("button", "hud.createLead").getAttribute("aria-disabled"), "true", "not before the answer");
    phone.say("accept");
    await desk.phase("talking");
    await desk.screen.getByLabel(desk.t("hud.knownElse")).fill(person.name);
    await desk.by("button", "hud.thisIs", { name: person.name }).click();
    await desk.screen.getByRole("heading", { name: person.name }).waitFor();
    await desk.by("button", "hud.hangup").click();
    await judge(desk, "INTERESTED");
    const { items } = await ask("admin", "GET", `/calls?lead_id=${person.id}&limit=5`);
    same(items.length, 1, "the call stands with them");
    same((await ask("admin", "GET", `/leads/${person.id}`)).last_disposition, "INTERESTED", "its outcome moved them");
    await call.stop();
    await desk.close();
  });
}

/** A call nobody took is in the list of the one it rang for, and is returned with one press. */
async function missed({ browser, phone }) {
  await withCarrier(async (carrier) => {
    const person = await lead("asha", "Omkar Jadhav", "0015");
    const desk = await readyDesk(browser);
    phone.auto = false;
    const call = await carrier.call(person.phone);
    await desk.phase("incoming");
    await desk.by("button", "hud.hangup").click();
    await desk.dock.waitFor({ state: "detached" });
    await call.stop();
    await desk.go("/calls?status=missed");
    const row = desk.page.getByRole("row").filter({ hasText: person.name });
    await row.getByRole("cell").getByText(desk.t("callStatus.missed"), { exact: true }).waitFor();
    nothingFound(await desk.inspect("missed"));
    phone.auto = true;
    await row.getByRole("button", { name: desk.t("call.callName", { name: person.name }) }).click();
    await desk.phase("talking");
    await desk.page.keyboard.press("Control+Shift+KeyE");
    await judge(desk, "INTERESTED");
    await desk.close();
  });
}

const TABS_MS = 500;
/** A call nobody takes is missed, and both tabs of the desk show the same all the time. */
async function twoTabs({ browser, phone }) {
  await withCarrier(async (carrier) => {
    const person = await lead("asha", "Sita Rathore", "4413");
    const desk = await readyDesk(browser);
    const other = await desk.secondTab("/leads");
    phone.auto = false;
    // Each tab notes by the computer's own clock when its dock comes and goes.
    for (const tab of [desk, other]) {
      await tab.page.evaluate((label) => {
        window.dockSeen = {};
        const look = () => {
          const there = document.querySelector(`section[aria-label="${label}"]`) !== null;
          if (there) window.dockSeen.shown ??= Date.now();
          else if (window.dockSeen.shown) window.dockSeen.gone ??= Date.now();
        };
        new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
      }, tab.t("hud.dock"));
    }
    const call = await carrier.call(person.phone);
    await Promise.all([desk.phase("incoming"), other.phase("incoming")]);
    await desk.by("button", "hud.hangup").click();
    await Promise.all([desk.by("button", "hud.hangup").waitFor({ state: "detached" }), other.by("button", "hud.hangup").waitFor({ state: "detached" })]);
    const [here, there] = await Promise.all([desk, other].map((tab) => tab.page.evaluate(() => window.dockSeen)));
    const apart = ["shown", "gone"].map((what) => Math.abs(here[what] - there[what]));
    console.log(`      two tabs apart: ${apart.join(", ")} ms; load ${loadavg()[0].toFixed(1)} on ${cpus().length} processors`);
    check(loadavg()[0] > cpus().length || apart.every((ms) => ms < TABS_MS), `both tabs change within ${TABS_MS} ms: ${apart}`);
    await call.stop();
    await desk.close();
  });
}

const POP_MS = 300;
const ROUNDS = 5;
const median = (all) => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)];

/**
 * HUD-02: from the live event to the painted card, as the browser itself tells it; the median of several. On a machine
 * with more to do than it has processors the clock tells of the others: there the page's own processor time is judged.
 */
async function fast({ browser, phone }) {
  await withCarrier(async (carrier) => {
    const person = await lead("asha", "Tara Verma", "4414");
    const desk = await readyDesk(browser);
    phone.auto = false;
    await desk.page.evaluate(() => {
      // The card is painted in the frame that follows its insertion; two frames later it is on the glass.
      const seen = new MutationObserver(() => {
        const heading = [...document.querySelectorAll("section h2")].some((node) => node.textContent === "Tara Verma");
        if (!heading || performance.getEntriesByName("card").length > 0) return;
        performance.mark("card");
        requestAnimationFrame(() => requestAnimationFrame(() => performance.mark("painted")));
      });
      seen.observe(document.body, { childList: true, subtree: true });
    });
    const took = [];
    const work = [];
    const meter = await desk.context.newCDPSession(desk.page);
    await meter.send("Performance.enable", { timeDomain: "threadTicks" });
    const spent = async () => (await meter.send("Performance.getMetrics")).metrics.find((one) => one.name === "TaskDuration").value * 1000;
    for (let round = 0; round < ROUNDS; round += 1) {
      await desk.page.evaluate(() => performance.clearMarks());
      const before = await spent();
      const call = await carrier.call(person.phone);
      took.push(
        await until("the card is painted", 30, () =>
          desk.page.evaluate(() => {
            const [event] = performance.getEntriesByName("live:call:started");
            const [painted] = performance.getEntriesByName("painted");
            return event && painted ? painted.startTime - event.startTime : null;
          }),
        ),
      );
      work.push((await spent()) - before);
      await desk.by("button", "hud.hangup").click();
      await call.stop();
      await desk.dock.getByText(desk.t("phase.incoming")).waitFor({ state: "detached" });
      await desk.tidy("asha");
      await desk.dock.waitFor({ state: "detached" });
    }
    const told = `${took.map((ms) => Math.round(ms)).join(", ")} ms, median ${Math.round(median(took))}; processor ${work.map((ms) => Math.round(ms)).join(", ")} ms, median ${Math.round(median(work))}`;
    console.log(`      screen pop: ${told}; load ${loadavg()[0].toFixed(1)} on ${cpus().length} processors`);
    const crowded = loadavg()[0] > cpus().length;
    check(crowded || median(took) < POP_MS, `the card is painted within ${POP_MS} ms of the event: ${told}`);
    check(median(work) < POP_MS, `the card costs less than ${POP_MS} ms of work: ${told}`);
    await desk.close();
  });
}

export default {
  "an incoming call brings the lead's card, which survives a reload": popsUp,
  "a call takes no keyboard away; a stranger becomes a lead": stranger,
  "somebody known calls from another phone and is chosen": anotherPhone,
  "a missed call is listed and returned with one press": missed,
  "two tabs of a desk show the same call": twoTabs,
  "the card is painted within 300 ms of the event": fast,
};
