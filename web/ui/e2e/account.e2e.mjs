// One's own account: a second step, a forgotten password, a way out everywhere.
import { createHmac } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { URL_BASE, ask, until } from "./api.mjs";
import { Desk, check, same } from "./desk.mjs";

const unique = () => Math.floor(Math.random() * 1e9).toString(36);

/** Somebody new, whose password is known. */
async function somebody(language = "en") {
  const email = `${unique()}@demo.local`;
  const { user, password } = await ask("admin", "POST", "/users", { email, name: `Leela ${unique()}`, role: "telecaller", language });
  return { ...user, password };
}

/** What an authenticator app shows for this secret (RFC 6238), apart from the server. */
function codeAt(secret, step) {
  let bits = "";
  for (const letter of secret.replace(/\s/g, "")) bits += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac("sha1", key).update(counter).digest();
  const at = digest[19] & 15;
  return String((digest.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
const stepNow = () => Math.floor(Date.now() / 30_000);

const menu = async (desk, name, key) => {
  await desk.page.getByRole("button", { name: desk.t("shell.you", { name }) }).click();
  await desk.page.getByRole("menuitem", { name: desk.t(key) }).click();
};
const inDialog = (desk, key) => desk.dialog.getByLabel(desk.t(key), { exact: false }).first();

/** AUT-05: set up with what stands on the screen, asked for at sign-in, a recovery code when the phone is lost, switched off. */
async function twoSteps({ browser }) {
  const who = await somebody();
  const desk = await Desk.open(browser);
  const { page } = desk;
  await desk.signInWith(who.email, who.password);
  await page.getByRole("main").waitFor();
  await menu(desk, who.name, "shell.account");
  await page.getByRole("heading", { name: desk.t("account.title"), exact: true }).waitFor();
  await desk.by("button", "account.setUp").click();
  await inDialog(desk, "account.currentPassword").fill("not my password");
  await desk.dialog.getByRole("button", { name: desk.t("account.next"), exact: true }).click();
  await desk.dialog.getByText(desk.t("account.wrongPassword")).waitFor();
  await inDialog(desk, "account.currentPassword").fill(who.password);
  await page.keyboard.press("Enter");
  const picture = desk.dialog.getByRole("img", { name: desk.t("account.picture") });
  await picture.waitFor();
  check((await picture.locator("path").getAttribute("d")).length > 500, "the picture is drawn");
  const secret = await desk.dialog.locator("code").first().textContent();
  await inDialog(desk, "account.code").fill("123456");
  await page.keyboard.press("Enter");
  await desk.dialog.getByText(desk.t("account.wrongCode")).waitFor();
  const used = stepNow();
  await inDialog(desk, "account.code").fill(codeAt(secret, used));
  await page.keyboard.press("Enter");
  const codes = desk.dialog.getByRole("list", { name: desk.t("account.codesTitle") }).getByRole("listitem");
  await codes.first().waitFor();
  same(await codes.count(), 10, "ten recovery codes");
  const recovery = await codes.allTextContents();
  same((await desk.axe()).join("\n"), "", "no serious finding");
  await desk.dialog.getByRole("button", { name: desk.t("account.codesKept"), exact: true }).click();
  await page.getByText(desk.t("account.codesLeft", { count: 10 }), { exact: false }).waitFor();
  await menu(desk, who.name, "shell.signOut");
  await page.waitForURL(/\/sign-in/);

  await desk.signInWith(who.email, who.password);
  const field = page.getByLabel(desk.t("signIn.otp"), { exact: false });
  await field.waitFor();
  await field.fill(codeAt(secret, used));
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: desk.t("account.otpWrong") }).waitFor();
  // The next code is good half a minute early as well.
  await field.fill(codeAt(secret, used + 1));
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));

  const lost = await Desk.open(browser);
  await lost.signInWith(who.email, who.password);
  await lost.page.getByLabel(lost.t("signIn.otp"), { exact: false }).fill(recovery[0].toUpperCase());
  await lost.page.keyboard.press("Enter");
  await lost.page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
  await lost.go("/account");
  await lost.page.getByText(lost.t("account.codesLeft", { count: 9 }), { exact: false }).waitFor();
  await lost.by("button", "account.switchOff").click();
  await inDialog(lost, "account.currentPassword").fill(who.password);
  await inDialog(lost, "signIn.otp").fill(recovery[1]);
  await lost.dialog.getByRole("button", { name: lost.t("account.switchOff"), exact: true }).click();
  await lost.toast("account.switchedOff").waitFor();
  await lost.page.getByText(lost.t("account.off"), { exact: true }).waitFor();
  await lost.close();
  await desk.close();
}

/** AUT-05: an administrator sees who signs in with a code, and takes it away when the phone is lost. */
async function lostPhone({ browser }) {
  const who = await somebody();
  const reply = await fetch(`${URL_BASE}/api/v1/auth/login`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ email: who.email, password: who.password }) });
  const { access_token } = await reply.json();
  const post = async (path, body) => (await fetch(`${URL_BASE}/api/v1${path}`, { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${access_token}` }, body: JSON.stringify(body) })).json();
  const { secret } = await post("/me/otp", { current_password: who.password });
  await post("/me/otp/confirm", { code: codeAt(secret, stepNow()) });
  const desk = await Desk.open(browser);
  await desk.signIn("admin@demo.local");
  await desk.go("/admin/users");
  await desk.by("searchbox", "users.search").fill(who.email);
  const row = desk.page.getByRole("row").filter({ hasText: who.email });
  await row.getByText(desk.t("users.otp"), { exact: true }).waitFor();
  await row.getByRole("button", { name: desk.t("ui.editName", { name: who.name }) }).click();
  await desk.dialog.getByRole("button", { name: desk.t("users.resetOtp"), exact: true }).click();
  await desk.toast("users.otpReset", { name: who.name }).waitFor();
  await desk.dialog.getByRole("button", { name: desk.t("users.signOut"), exact: true }).click();
  await desk.toast("users.signedOut", { name: who.name }).waitFor();
  await desk.page.keyboard.press("Escape");
  await row.getByText(desk.t("users.otp"), { exact: true }).waitFor({ state: "detached" });
  const theirs = await Desk.open(browser);
  await theirs.signInWith(who.email, who.password);
  await theirs.page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
  await theirs.close();
  await desk.close();
}

/** The newest letter to somebody, as text. */
async function letterTo(email) {
  const folder = join(process.env.TELEHUB_MAILBOX, "new");
  return until(`a letter to ${email}`, 30, async () => {
    const raw = readdirSync(folder).map((name) => readFileSync(join(folder, name), "latin1"));
    const found = raw.find((text) => text.includes(email));
    if (!found) return null;
    const [head, ...rest] = found.split(/\r?\n\r?\n/);
    const body = rest.join("\n\n");
    if (/base64/i.test(head)) return Buffer.from(body, "base64").toString("utf8");
    return /quoted-printable/i.test(head) ? Buffer.from(body.replace(/=\r?\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))), "latin1").toString("utf8") : body;
  });
}

/** AUT-04: from "Forgot password?" over the letter to the new password, in Hindi; the link is good once. */
async function forgotten({ browser }) {
  const who = await somebody("hi");
  const desk = await Desk.open(browser, { language: "hi" });
  const { page } = desk;
  await page.goto(`${URL_BASE}/sign-in`);
  await page.getByRole("link", { name: desk.t("account.forgot") }).click();
  const email = desk.by("textbox", "signIn.email");
  await email.fill("nobody");
  await desk.by("button", "passwords.send").click();
  await page.getByText(desk.t("form.email")).waitFor();
  await email.fill(who.email);
  await desk.by("button", "passwords.send").click();
  await page.getByText(desk.t("passwords.sent", { email: who.email })).waitFor();
  const letter = await letterTo(who.email);
  check(/[\u0900-\u097f]/.test(letter), `the letter is in Hindi: ${letter}`);
  const link = letter.match(/http\S+\/reset-password#\S+/)[0];
  await page.goto(link);
  const field = page.getByLabel(desk.t("passwords.new"), { exact: false });
  await field.fill("short");
  await desk.by("button", "passwords.set").click();
  await page.getByText(desk.t("form.min", { count: 10 }), { exact: true }).waitFor();
  same(await page.evaluate(() => location.hash), "", "the token does not stay in the address bar");
  await field.fill("a-new-password-7");
  await desk.by("button", "passwords.set").click();
  await page.getByRole("heading", { name: desk.t("passwords.setTitle") }).waitFor();
  await page.getByRole("link", { name: desk.t("passwords.toSignIn"), exact: true }).click();
  await desk.signInWith(who.email, "a-new-password-7");
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
  await desk.close();

  const late = await Desk.open(browser);
  await late.page.goto(link);
  await late.page.getByLabel(late.t("passwords.new"), { exact: false }).fill("another-password-8");
  await late.by("button", "passwords.set").click();
  await late.page.getByRole("alert").filter({ hasText: late.t("passwords.linkOver") }).waitFor();
  await late.page.getByRole("link", { name: late.t("passwords.anotherLink") }).click();
  await late.page.waitForURL(/\/forgot-password/);
  // A used link is told by 410, which the browser notes.
  late.faults = late.faults.filter((fault) => !/status of 410/.test(fault));
  await late.close();
}

/** AUT-01, AUT-02: a new password, and signing out everywhere, end the sessions on every computer. */
async function outEverywhere({ browser }) {
  const who = await somebody();
  const [here, there] = [await Desk.open(browser), await Desk.open(browser)];
  for (const desk of [here, there]) {
    await desk.signInWith(who.email, who.password);
    await desk.page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
  }
  await here.go("/account");
  await here.by("button", "account.changePassword").click();
  await inDialog(here, "account.currentPassword").fill(who.password);
  await inDialog(here, "passwords.new").fill("chosen-by-myself-5");
  await here.page.keyboard.press("Enter");
  await here.page.waitForURL(/\/sign-in/);
  await there.page.waitForURL(/\/sign-in/);
  for (const desk of [here, there]) {
    await desk.signInWith(who.email, "chosen-by-myself-5");
    await desk.page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
  }
  await here.go("/account");
  await here.by("button", "account.signOutEverywhere").click();
  await here.page.waitForURL(/\/sign-in/);
  await there.page.waitForURL(/\/sign-in/);
  await here.close();
  await there.close();
}

export default {
  "a second step is set up, asked for, recovered from and switched off": twoSteps,
  "an administrator helps who lost their phone": lostPhone,
  "a forgotten password is set anew by a letter": forgotten,
  "a new password and signing out everywhere end every session": outEverywhere,
};
