// An administrator sets the floor up: people, phones, carriers, numbers. Everything by what stands on the screen.
import { ask, someNumber } from "./api.mjs";
import { Desk, check, nothingFound, same } from "./desk.mjs";
import { Phone, SIP } from "./phones.mjs";

const unique = () => Math.floor(Math.random() * 1e6).toString(36);

async function asAdmin(browser, path) {
  const desk = await Desk.open(browser);
  await desk.signIn("admin@demo.local");
  await desk.go(path);
  return desk;
}

const save = (desk) => desk.dialog.getByRole("button", { name: desk.t("ui.save"), exact: true }).click();
const field = (desk, key) => desk.dialog.getByLabel(desk.t(key), { exact: false }).first();

/** A user is made, gets a password once, signs in with it, is locked out, and is let in again by undo. */
async function users({ browser }) {
  const desk = await asAdmin(browser, "/admin/users");
  const name = `Priya ${unique()}`;
  const email = `${name.replace(" ", ".").toLowerCase()}@demo.local`;
  await desk.by("button", "users.new").click();
  await field(desk, "users.name").fill(name);
  await desk.dialog.getByLabel(desk.t("signIn.email")).fill("not an address");
  await save(desk);
  await desk.dialog.getByText(desk.t("form.email")).waitFor();
  await desk.dialog.getByLabel(desk.t("signIn.email")).fill(email);
  await desk.dialog.getByText(desk.t("users.teamHint")).waitFor();
  await field(desk, "users.team").fill("North");
  await field(desk, "users.reportsTo").selectOption({ label: "Meenakshi Rao" });
  await save(desk);
  await desk.dialog.getByText(desk.t("users.passwordTitle")).waitFor();
  const password = await desk.dialog.locator("code").last().textContent();
  await desk.dialog.getByRole("button", { name: desk.t("ui.done"), exact: true }).click();
  const row = desk.page.getByRole("row").filter({ hasText: email });
  await row.waitFor();

  const theirs = await Desk.open(browser);
  await theirs.signInWith(email, password);
  await theirs.page.getByRole("main").waitFor();
  await theirs.close();

  // Who leads them is kept, and may be taken away again; a manager's form says what a team is for.
  const leads = async () => (({ team, reports_to }) => ({ team, reports_to }))((await ask("admin", "GET", `/users?q=${email}`)).items[0]);
  const { team, reports_to } = await leads();
  same(team, "North", "the team is kept");
  check(typeof reports_to === "string", "and the superior");
  await row.getByRole("button", { name: desk.t("ui.editName", { name }), exact: true }).click();
  await field(desk, "users.role").selectOption("manager");
  await desk.dialog.getByText(desk.t("users.teamHintManager")).waitFor();
  same(await field(desk, "users.team").inputValue(), team, "the form shows the team");
  same(await field(desk, "users.reportsTo").inputValue(), reports_to, "and the superior");
  await field(desk, "users.role").selectOption("telecaller");
  await field(desk, "users.team").fill("");
  await field(desk, "users.reportsTo").selectOption("");
  await save(desk);
  await desk.toast("users.saved").waitFor();
  same(JSON.stringify(await leads()), '{"team":null,"reports_to":null}', "both are taken away");

  await row.getByRole("button", { name: `${desk.t("users.deactivate")}: ${name}` }).click();
  await row.getByText(desk.t("users.inactive"), { exact: true }).waitFor();
  const locked = await Desk.open(browser);
  await locked.signInWith(email, password);
  await locked.page.getByRole("alert").waitFor();
  await locked.close();
  await desk.by("button", "ui.undo").first().click();
  await row.getByText(desk.t("users.active"), { exact: true }).waitFor();
  await desk.close();
}

/** PBX: an extension is made, its phone set up with what the screen says, and the screen sees it register. */
async function extensions({ browser }) {
  const desk = await asAdmin(browser, "/admin/extensions");
  const number = String(700 + Math.floor(Math.random() * 200));
  await desk.by("button", "extensions.new").click();
  await field(desk, "extensions.number").fill("1");
  await save(desk);
  await desk.dialog.getByText(desk.t("extensions.numberRule")).first().waitFor();
  await field(desk, "extensions.number").fill(number);
  await field(desk, "extensions.name").fill("Reception");
  await save(desk);
  await desk.page.getByRole("heading", { name: desk.t("setup.title", { number }) }).waitFor();
  await desk.by("button", "setup.reveal").click();
  await desk.dialog.getByText(desk.t("extensions.notRegistered"), { exact: true }).waitFor();
  // The screen names the port that is open, whatever was configured.
  await desk.dialog.getByText(SIP.split(":")[1], { exact: true }).first().waitFor();
  const secret = await ask("admin", "GET", `/extensions/${(await ask("admin", "GET", "/extensions?limit=200")).items.find((one) => one.number === number).id}/secret`);
  await desk.dialog.getByText(secret.secret, { exact: true }).waitFor();
  const phone = await Phone.register(number);
  await desk.dialog.getByText(desk.t("extensions.registered"), { exact: true }).waitFor();
  await desk.page.keyboard.press("Escape");
  const row = desk.page.getByRole("row").filter({ has: desk.page.getByRole("rowheader", { name: number, exact: true }) });
  await row.getByText(/baresip/).waitFor();
  await phone.close();
  await desk.go("/admin/audit");
  // Which phone's password was read, not only that one was.
  await desk.page.getByRole("row").filter({ hasText: desk.t("auditAction.extension_secret_read") }).filter({ hasText: desk.t("shell.extension", { number }) }).first().waitFor();
  await desk.close();
}

/** By keys alone: to the button, through the form, and saved with Enter. */
async function byKeys({ browser }) {
  const desk = await asAdmin(browser, "/admin/extensions");
  const { page } = desk;
  const number = String(910 + Math.floor(Math.random() * 80));
  const until = async (locator, what) => {
    for (let presses = 0; presses < 40; presses += 1) {
      if (await locator.evaluate((node) => node === document.activeElement).catch(() => false)) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`forty tabs do not reach ${what}`);
  };
  await until(desk.by("button", "extensions.new"), "the button");
  await page.keyboard.press("Enter");
  await desk.dialog.waitFor();
  const numberField = field(desk, "extensions.number");
  await numberField.waitFor();
  await until(numberField, "the number");
  await page.keyboard.press("Control+KeyA");
  await page.keyboard.type(number);
  await until(field(desk, "extensions.name"), "the name");
  await page.keyboard.type("Back office");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: desk.t("setup.title", { number }) }).waitFor();
  await page.keyboard.press("Escape");
  await desk.dialog.waitFor({ state: "detached" });
  const made = (await ask("admin", "GET", "/extensions?limit=200")).items.find((one) => one.number === number);
  same(made?.name, "Back office", "the extension is there");
  await ask("admin", "DELETE", `/extensions/${made.id}`);
  await desk.close();
}

/** TRK: a carrier that does not answer is shown as down with why; the demo carrier answers and takes a test call. */
async function trunks({ browser }) {
  const desk = await asAdmin(browser, "/admin/trunks");
  const name = `dead-${unique()}`;
  await desk.by("button", "trunks.new").click();
  await save(desk);
  await desk.dialog.getByText(desk.t("form.required")).first().waitFor();
  await field(desk, "trunks.name").fill(name);
  await field(desk, "trunks.host").fill("127.0.0.1");
  await field(desk, "trunks.port").fill("9");
  await save(desk);
  const card = (of) => desk.page.getByRole("article").filter({ has: desk.page.getByRole("heading", { name: of, exact: true }) });
  const error = card(name).getByText(desk.t("trunks.lastError"));
  await error.waitFor({ timeout: 90_000 });
  // Three silences in a row take a trunk down; after the first it already says that none has answered.
  const verdicts = ["silent", "down"].map((verdict) => desk.t(`trunkHealth.${verdict}`));
  await card(name).getByText(new RegExp(`^(${verdicts.join("|")})$`)).waitFor();
  check((await error.locator("..").textContent()).length > desk.t("trunks.lastError").length + 3, "the error says something");
  await card("demo-carrier").getByText(desk.t("trunkHealth.up"), { exact: true }).waitFor();

  await card("demo-carrier").getByRole("button", { name: new RegExp(`^${desk.t("trunks.test")}`) }).click();
  await field(desk, "testCall.to").fill(someNumber("0014"));
  await field(desk, "testCall.from").selectOption({ label: await desk.dialog.locator("option").filter({ hasText: /^101 / }).textContent() });
  await desk.by("button", "testCall.start").click();
  await desk.dialog.getByText(desk.t("testCall.worked", { duration: "00:03" }).slice(0, 12), { exact: false }).waitFor();
  await desk.page.keyboard.press("Escape");

  await card(name).getByRole("button", { name: new RegExp(`^${desk.t("trunks.switchOff")}`) }).click();
  await card(name).getByText(desk.t("trunkHealth.disabled"), { exact: true }).waitFor();
  await desk.by("button", "ui.undo").first().click();
  await card(name).getByText(desk.t("trunkHealth.disabled"), { exact: true }).waitFor({ state: "detached" });
  const made = (await ask("admin", "GET", "/trunks?limit=100")).items.find((one) => one.name === name);
  await ask("admin", "DELETE", `/trunks/${made.id}`);
  await desk.close();
}

/** A carrier known by its certificate needs a name that stands in it. */
async function certified({ browser }) {
  const desk = await asAdmin(browser, "/admin/trunks");
  const name = `certified-${unique()}`;
  await desk.by("button", "trunks.new").click();
  await field(desk, "trunks.name").fill(name);
  await field(desk, "trunks.host").fill("127.0.0.1");
  await field(desk, "trunks.transport").selectOption("tls");
  await field(desk, "trunks.auth").selectOption("certificate");
  await field(desk, "trunks.certificateNames").waitFor();
  await save(desk);
  await desk.dialog.getByRole("alert").or(desk.dialog.locator("[aria-invalid=true]")).first().waitFor();
  const findings = await desk.inspect("trunk-certificate");
  await field(desk, "trunks.certificateNames").fill("sip.carrier.example");
  await save(desk);
  await desk.dialog.waitFor({ state: "detached" });
  const made = (await ask("admin", "GET", "/trunks?limit=100")).items.find((one) => one.name === name);
  same(made.settings.certificate_names.join(), "sip.carrier.example", "the names are kept");
  await ask("admin", "DELETE", `/trunks/${made.id}`);
  await desk.close();
  nothingFound(findings);
}

/** NUM: a number is typed as people write it, rings an extension, and cannot be added twice. */
async function numbers({ browser }) {
  const desk = await asAdmin(browser, "/admin/numbers");
  const digits = String(4000 + Math.floor(Math.random() * 5000));
  for (const twice of [false, true]) {
    await desk.by("button", "numbers.new").click();
    await field(desk, "numbers.number").fill(`080 4719 ${digits}`);
    await desk.dialog.getByText(desk.t("form.understood", { number: "" }).trim(), { exact: false }).waitFor();
    await field(desk, "numbers.trunk").selectOption({ label: "demo-carrier" });
    await field(desk, "numbers.destination").selectOption({ label: "103 · Chitra Iyer" });
    await save(desk);
    if (twice) await desk.dialog.getByRole("alert").first().waitFor();
    else await desk.page.getByRole("row").filter({ hasText: digits }).getByRole("cell").getByText(desk.t("numbers.toExtension", { number: "103" })).waitFor();
  }
  await desk.page.keyboard.press("Escape");
  const made = (await ask("admin", "GET", "/numbers?limit=100")).items.filter((one) => one.number.endsWith(digits));
  same(made.length, 1, "the number is there once");
  await ask("admin", "DELETE", `/numbers/${made[0].id}`);
  await desk.close();
}

/** A telecaller sees no set-up pages, and is told so in plain words. */
async function forbidden({ browser }) {
  const desk = await Desk.open(browser);
  await desk.signIn("asha@demo.local");
  same(await desk.page.getByRole("link", { name: desk.t("nav.trunks"), exact: true }).count(), 0, "no way there");
  await desk.go("/admin/trunks");
  await desk.page.getByRole("heading", { name: desk.t("admin.forbidden") }).waitFor();
  await desk.close();
}

export default {
  "a user is made, signs in, is locked out and let in again": users,
  "an extension is made and its phone registers before one's eyes": extensions,
  "an extension is made by keys alone": byKeys,
  "a dead carrier says why; a live one takes a test call": trunks,
  "a carrier known by its certificate needs its name": certified,
  "a number is understood as typed and rings an extension": numbers,
  "the set-up pages are the administrators'": forbidden,
};
