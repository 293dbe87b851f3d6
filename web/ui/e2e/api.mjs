// The server as administrators and phones see it: what a story needs to have there before it begins.
import { readFileSync } from "node:fs";

export const URL_BASE = process.env.TELEHUB_URL ?? "http://127.0.0.1:4055";

/** Password of a demo login: from logins.json, else the one password of the environment. */
export function passwordOf(email) {
  const path = process.env.TELEHUB_LOGINS;
  const found = path ? JSON.parse(readFileSync(path, "utf8")).users.find((row) => row.email === email) : undefined;
  const password = found?.password ?? process.env.TELEHUB_DEMO_PASSWORD;
  if (!password) throw new Error(`no password for ${email}: set TELEHUB_LOGINS or TELEHUB_DEMO_PASSWORD`);
  return password;
}

const tokens = new Map();

async function tokenOf(who, again) {
  if (!tokens.has(who) || again) {
    const email = `${who}@demo.local`;
    const reply = await fetch(`${URL_BASE}/api/v1/auth/login`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ email, password: passwordOf(email) }) });
    if (!reply.ok) throw new Error(`${email} cannot sign in: ${reply.status} ${await reply.text()}`);
    tokens.set(who, (await reply.json()).access_token);
  }
  return tokens.get(who);
}

/** Asks the API as somebody of the demo floor: `ask("admin", "GET", "/trunks")`. Throws on a refusal. */
export async function ask(who, method, path, body) {
  const send = async (again) =>
    fetch(`${URL_BASE}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${await tokenOf(who, again)}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  let reply = await send(false);
  if (reply.status === 401) reply = await send(true);
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${method} ${path} as ${who}: ${reply.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

export async function extension(number) {
  const { items } = await ask("admin", "GET", "/extensions?limit=200");
  const found = items.find((one) => one.number === number);
  if (!found) throw new Error(`no extension ${number}`);
  return found;
}

/** An Indian mobile number of nobody else's: those from 90 to 97 are mobile ones and written 5-5 throughout, and no demo lead's. Its last four digits decide how the simulated carrier behaves. */
export const someNumber = (digits) => `+919${String(Math.floor(Math.random() * 80_000)).padStart(5, "0")}${digits}`;

/** A lead of somebody's, whose number ends in these four digits. */
export async function lead(owner, name, digits, more = {}) {
  const phone = someNumber(digits);
  const { id } = await ask(owner, "GET", "/me");
  return ask("admin", "POST", "/leads", { name, phone, assigned_to: id, ...more });
}

const patience = (ms) => new Promise((done) => setTimeout(done, ms));

/** Asks again until the answer is something; for what no event can be waited for. */
export async function until(what, seconds, question) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await question();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await patience(100);
  }
}

/** Leaves an agent without calls and without missing outcomes, whatever an earlier story did. */
export async function tidy(who) {
  const me = await ask(who, "GET", "/me");
  await until(`${who} is free`, 30, async () => {
    const agent = (await ask("admin", "GET", "/agents?limit=200")).items.find((one) => one.user_id === me.id);
    if (!agent) return true;
    if (agent.call_id) await ask(who, "POST", `/calls/${agent.call_id}/hangup`).catch(() => undefined);
    for (const call of agent.pending_outcomes) await ask(who, "POST", `/calls/${call}/disposition`, { code: "NO_ANSWER" }).catch(() => undefined);
    return !agent.call_id && agent.pending_outcomes.length === 0;
  });
}
