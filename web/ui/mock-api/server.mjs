// A stand-in for the server while working on the screens: same paths, invented data, nothing kept.
// `npm run mock` serves the built desk with the content security policy of the real one.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import * as data from "./data.mjs";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const POLICY = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; media-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".json": "application/json" };

const sockets = new Map();
const live = new Map();
let seq = 100;
const userOf = (token) => data.users.find((user) => token?.endsWith(user.id));
const meOf = (user) => ({ ...user, tenant: { id: data.ids.tenant, slug: "pratham", name: "Pratham", timezone: "Asia/Kolkata", calls_from: "09:00", calls_until: "21:00" }, dials_any_number: true, extension: user.extension ? { id: user.extension_id, number: user.extension, type: "user", name: user.name, registered: true } : null });
const tokens = (user) => ({ access_token: `access.${user.id}`, refresh_token: `refresh.${user.id}`, expires_in: 900, user: meOf(user) });
const agentOf = (user) => data.agents.find((agent) => agent.user_id === user.id) ?? null;
const page = (items, query) => {
  const from = Number(query.get("cursor") ?? 0);
  const limit = Number(query.get("limit") ?? 50);
  return { items: items.slice(from, from + limit), next_cursor: from + limit < items.length ? String(from + limit) : null };
};
const refuse = (status, title, detail) => ({ status, body: { type: "about:blank", title, status, detail } });

// --- live ------------------------------------------------------------------------------------------------------

function frame(text) {
  const body = Buffer.from(text);
  const head = body.length < 126 ? Buffer.from([0x81, body.length]) : body.length < 65536 ? Buffer.from([0x81, 126, body.length >> 8, body.length & 255]) : Buffer.concat([Buffer.from([0x81, 127, 0, 0, 0, 0]), Buffer.from([(body.length >>> 24) & 255, (body.length >>> 16) & 255, (body.length >>> 8) & 255, body.length & 255])]);
  return Buffer.concat([head, body]);
}
function unframe(buffer) {
  const size = buffer[1] & 127;
  const at = size === 126 ? 4 : size === 127 ? 10 : 2;
  const length = size === 126 ? buffer.readUInt16BE(2) : size;
  const mask = buffer.subarray(at, at + 4);
  return Buffer.from(buffer.subarray(at + 4, at + 4 + length).map((byte, n) => byte ^ mask[n % 4])).toString();
}
const send = (type, body, only) => {
  seq += 1;
  for (const [socket, user] of sockets) if (!only || user.id === only || user.role !== "telecaller") socket.write(frame(JSON.stringify({ seq, at: new Date().toISOString(), type, data: body })));
};
const wire = (one) => ({ call_id: one.call.id, ...one.call, agent_connected: one.agentConnected, customer_ringing: one.customerRinging, held: one.held, muted: one.muted, recording_running: one.recording, recording_paused: one.paused, digits: "", lead: one.lead });
const tell = (type, one) => send(type, wire(one), one.call.agent_id);
const setAgent = (id, change) => {
  const agent = data.agents.find((one) => one.user_id === id);
  if (!agent) return;
  Object.assign(agent, change, { since: new Date().toISOString() });
  send("agent:state", agent, id);
};

function startCall(id, user, lead, inbound) {
  const phone = lead?.phone ?? "+919900112233";
  const call = { id, direction: inbound ? "inbound" : "outbound", status: "initiated", from: inbound ? phone : "+918047190001", to: inbound ? "+918047190001" : phone, lead_id: lead?.id ?? null, lead_name: lead?.name ?? null, agent_id: user.id, agent_name: user.name, extension: user.extension, trunk_id: data.ids.trunk(1), campaign_id: null, started_at: new Date().toISOString(), answered_at: null, ended_at: null, duration_seconds: 0, hangup_cause: null, disposition: null, outcome: null, suggested_disposition: null, recording: { state: "expected", duration_seconds: null }, notes: null, quality: [] };
  const card = lead ? { lead, history: data.timelineOf(lead.id).slice(0, 10), script: data.scripts.find((one) => one.language === lead.language) ?? data.scripts[0] } : null;
  const one = { call, agentConnected: false, customerRinging: false, held: false, muted: false, recording: false, paused: false, lead: card };
  live.set(id, one);
  setAgent(user.id, { state: "ringing", call_id: id });
  tell("call:started", one);
  const later = (ms, change) => setTimeout(() => (call.ended_at ? undefined : change()), ms);
  later(inbound ? 300_000 : 700, () => tell("call:updated", Object.assign(one, { agentConnected: true })));
  later(inbound ? 300_000 : 1400, () => { call.status = "ringing"; tell("call:updated", Object.assign(one, { customerRinging: true })); });
  later(2600, () => { if (inbound && !answerInbound) return; Object.assign(call, { status: "in_progress", answered_at: new Date().toISOString() }); Object.assign(one, { recording: true }); setAgent(user.id, { state: "on_call" }); tell("call:answered", one); });
}
const answerInbound = process.env.MOCK_ANSWER !== "0";
function endCall(one) {
  const { call } = one;
  Object.assign(call, { status: call.answered_at ? "completed" : "failed", ended_at: new Date().toISOString(), duration_seconds: call.answered_at ? Math.floor((Date.now() - Date.parse(call.answered_at)) / 1000) : 0, suggested_disposition: call.answered_at ? null : "NO_ANSWER", recording: { state: "storing", duration_seconds: null } });
  Object.assign(one, { recording: false, held: false, muted: false });
  setAgent(call.agent_id, { state: "wrap_up", pending_outcomes: [call.id] });
  tell("call:ended", one);
}

// --- http ------------------------------------------------------------------------------------------------------

function wav() {
  const rate = 8000, seconds = 20, frames = rate * seconds, body = Buffer.alloc(44 + frames * 4);
  body.write("RIFF", 0); body.writeUInt32LE(36 + frames * 4, 4); body.write("WAVEfmt ", 8); body.writeUInt32LE(16, 16); body.writeUInt16LE(1, 20); body.writeUInt16LE(2, 22); body.writeUInt32LE(rate, 24); body.writeUInt32LE(rate * 4, 28); body.writeUInt16LE(4, 32); body.writeUInt16LE(16, 34); body.write("data", 36); body.writeUInt32LE(frames * 4, 40);
  for (let n = 0; n < frames; n += 1) {
    const turn = Math.floor(n / rate / 3) % 2;
    body.writeInt16LE(turn ? 0 : 6000 * Math.sin(n * 0.3), 44 + n * 4);
    body.writeInt16LE(turn ? 6000 * Math.sin(n * 0.2) : 0, 46 + n * 4);
  }
  return body;
}
const lane = (side) => Array.from({ length: 800 }, (_, n) => (Math.floor(n / 120) % 2 === side ? 0.15 + 0.75 * Math.abs(Math.sin(n * 0.7) * Math.sin(n * 0.11)) : 0.02));

const routes = [
  ["POST", /^\/auth\/login$/, ({ body }) => { const user = data.users.find((one) => one.email === body.email); return user && body.password === (process.env.TELEHUB_DEMO_PASSWORD ?? "demo-password") ? tokens(user) : refuse(401, "Wrong e-mail or password"); }, true],
  ["POST", /^\/auth\/refresh$/, ({ body }) => { const user = userOf(body.refresh_token); return user ? tokens(user) : refuse(401, "Session is over"); }, true],
  ["POST", /^\/auth\/logout$/, () => ({}), true],
  ["GET", /^\/me$/, ({ user }) => meOf(user)],
  ["GET", /^\/queue\/mine$/, ({ query }) => { const all = data.leads.map((lead, n) => ({ lead, reason: data.reasonOf(lead, n), blocked: data.blockedOf(lead, n) })); const wanted = query.get("category"); const counts = {}; for (const { lead } of all) counts[lead.category] = (counts[lead.category] ?? 0) + 1; return { ...page(wanted ? all.filter(({ lead }) => lead.category === wanted) : all, query), counts }; }],
  ["GET", /^\/leads$/, ({ query }) => { const q = (query.get("q") ?? "").toLowerCase(); return page(data.leads.filter((lead) => (!q || `${lead.name} ${lead.phone} ${lead.organisation}`.toLowerCase().includes(q)) && (!query.get("status") || lead.status === query.get("status"))), query); }],
  ["POST", /^\/leads$/, ({ body }) => { const lead = { ...data.leads[1], ...body, id: data.ids.lead(5000 + seq), updated_at: new Date().toISOString() }; data.leads.push(lead); return { status: 201, body: lead }; }],
  ["GET", /^\/leads\/([^/]+)$/, ({ at }) => data.leads.find((lead) => lead.id === at[1]) ?? refuse(404, "No such lead")],
  ["PATCH", /^\/leads\/([^/]+)$/, ({ at, body }) => Object.assign(data.leads.find((lead) => lead.id === at[1]), body, { updated_at: new Date().toISOString() })],
  ["GET", /^\/leads\/([^/]+)\/timeline$/, ({ at, query }) => page(data.timelineOf(at[1]).filter((item) => !query.get("kind") || item.kind === query.get("kind")), query)],
  ["POST", /^\/leads\/([^/]+)\/notes$/, () => ({ status: 201, body: {} })],
  ["GET", /^\/leads\/([^/]+)\/script$/, () => data.scripts[0]],
  ["GET", /^\/scripts$/, ({ query }) => page(data.scripts.filter((one) => !query.get("language") || one.language === query.get("language")), query)],
  ["GET", /^\/objections$/, ({ query }) => page(data.objections.filter((one) => one.objection.toLowerCase().includes((query.get("q") ?? "").toLowerCase())), query)],
  ["GET", /^\/dispositions$/, () => ({ items: data.dispositions, next_cursor: null })],
  ["GET", /^\/calls$/, ({ query }) => page(data.calls.filter((call) => ["direction", "status", "disposition"].every((key) => !query.get(key) || call[key] === query.get(key))), query)],
  ["POST", /^\/calls\/start$/, ({ body, user }) => { startCall(body.call_id, user, data.leads.find((lead) => lead.id === body.lead_id)); return { status: 202, body: { call_id: body.call_id } }; }],
  ["POST", /^\/calls\/([^/]+)\/(mute|hold|resume|hangup|dtmf)$/, ({ at, body }) => { const one = live.get(at[1]); if (!one) return refuse(404, "No such live call"); if (at[2] === "hangup") endCall(one); else { if (at[2] === "mute") one.muted = body.muted ?? true; if (at[2] === "hold") one.held = true; if (at[2] === "resume") one.held = false; tell("call:updated", one); } return { status: 202, body: {} }; }],
  ["POST", /^\/calls\/([^/]+)\/recording\/pause$/, ({ at, body }) => { const one = live.get(at[1]); one.paused = body.paused; one.recording = !body.paused; tell("call:updated", one); return {}; }],
  ["PUT", /^\/calls\/([^/]+)\/notes$/, ({ at, body }) => { const one = live.get(at[1]); if (one) one.call.notes = body.text; return { text: body.text, saved_at: new Date().toISOString() }; }],
  ["POST", /^\/calls\/([^/]+)\/disposition$/, ({ at, body }) => { const one = live.get(at[1]); one.call.disposition = body.code; live.delete(at[1]); tell("call:updated", one); setAgent(one.call.agent_id, { state: "ready", pending_outcomes: [], call_id: null }); return one.call; }],
  ["POST", /^\/calls\/([^/]+)\/recording\/link$/, ({ at }) => ({ url: `/api/v1/calls/${at[1]}/recording?format=wav&token=x`, expires_at: new Date(Date.now() + 300_000).toISOString() })],
  ["GET", /^\/calls\/([^/]+)\/recording\/peaks$/, () => ({ duration_seconds: 20, customer: lane(0), agent: lane(1) })],
  ["GET", /^\/agents$/, ({ query }) => page(data.agents, query)],
  ["POST", /^\/agents\/me\/state$/, ({ user, body }) => { setAgent(user.id, { state: body.state, reason: body.reason ?? null }); return agentOf(user); }],
  ["GET", /^\/users$/, ({ query }) => page(data.users.filter((user) => `${user.name} ${user.email}`.toLowerCase().includes((query.get("q") ?? "").toLowerCase())), query)],
  ["POST", /^\/users$/, ({ body }) => ({ status: 201, body: { user: { ...data.users[3], ...body }, password: "tiger-lotus-9174-mango" } })],
  ["GET", /^\/extensions$/, ({ query }) => page(data.extensions, query)],
  ["GET", /^\/extensions\/([^/]+)\/secret$/, () => ({ username: "101", secret: "q7Vb2mXw9LkT4sRz8NcY1p", domain: data.settings.sip_domain })],
  ["POST", /^\/extensions\/([^/]+)\/secret\/rotate$/, () => ({ username: "101", secret: "Zz8NcY1pq7Vb2mXw9LkT4s", domain: data.settings.sip_domain })],
  ["GET", /^\/trunks$/, ({ query }) => page(data.trunks, query)],
  ["GET", /^\/trunks\/presets$/, () => ({ items: data.presets, next_cursor: null })],
  ["POST", /^\/trunks\/([^/]+)\/test-call$/, () => ({ status: 202, body: { call_id: data.ids.call(700) } })],
  ["GET", /^\/numbers$/, ({ query }) => page(data.numbers, query)],
  ["GET", /^\/settings$/, () => data.settings],
  ["PATCH", /^\/(settings)$/, ({ body }) => Object.assign(data.settings, body)],
  ["PATCH", /^\/(users|extensions|trunks|numbers)\/([^/]+)$/, ({ at, body }) => Object.assign(data[at[1]].find((one) => one.id === at[2]), body)],
  ["GET", /^\/audit$/, ({ query }) => page(data.audit, query)],
  // Only here: a call comes in.
  ["POST", /^\/mock\/inbound$/, ({ body }) => { startCall(data.ids.call(20_000 + seq), data.users.find((one) => one.email === body.email), data.leads[body.lead ?? -1], true); return {}; }, true],
];

const server = createServer(async (request, response) => {
  const url = new URL(request.url, "http://mock");
  response.setHeader("content-security-policy", POLICY);
  response.setHeader("x-content-type-options", "nosniff");
  if (/^\/api\/v1\/calls\/[^/]+\/recording$/.test(url.pathname)) {
    const body = wav();
    const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "");
    const from = range ? Number(range[1]) : 0;
    const to = range?.[2] ? Number(range[2]) : body.length - 1;
    response.writeHead(range ? 206 : 200, { "content-type": "audio/wav", "accept-ranges": "bytes", "content-length": to - from + 1, ...(range ? { "content-range": `bytes ${from}-${to}/${body.length}` } : {}) });
    return response.end(body.subarray(from, to + 1));
  }
  if (!url.pathname.startsWith("/api/v1")) return file(url.pathname, response);
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString() || "{}") : {};
  const path = url.pathname.slice("/api/v1".length);
  for (const [method, pattern, answer, open] of routes) {
    const at = method === request.method ? pattern.exec(path) : null;
    if (!at) continue;
    const user = userOf(request.headers.authorization);
    const found = !open && !user ? refuse(401, "Sign in first") : answer({ at, body, user, query: url.searchParams });
    const status = typeof found.status === "number" ? found.status : 200;
    response.writeHead(status, { "content-type": status < 400 ? "application/json" : "application/problem+json" });
    return response.end(JSON.stringify(typeof found.status === "number" ? found.body : found));
  }
  response.writeHead(404, { "content-type": "application/problem+json" });
  return response.end(JSON.stringify({ title: "No such path", status: 404, detail: `${request.method} ${path}` }));
});

async function file(path, response) {
  const wanted = join(dist, normalize(extname(path) ? path : "/index.html"));
  try {
    const body = await readFile(wanted);
    response.writeHead(200, { "content-type": TYPES[extname(wanted)] ?? "application/octet-stream" });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
}

server.on("upgrade", (request, socket) => {
  const key = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`);
  socket.on("data", (buffer) => {
    if ((buffer[0] & 15) === 8) return socket.end();
    const user = userOf(JSON.parse(unframe(buffer)).token);
    if (!user) return socket.end();
    sockets.set(socket, user);
    const mine = [...live.values()].filter((one) => user.role !== "telecaller" || one.call.agent_id === user.id);
    const snapshot = { agent: agentOf(user), calls: mine.filter((one) => !one.call.ended_at).map(wire), pending: mine.filter((one) => one.call.ended_at && one.call.agent_id === user.id).map(wire), agents: user.role === "telecaller" ? [agentOf(user)] : data.agents, alerts: [] };
    socket.write(frame(JSON.stringify({ seq, at: new Date().toISOString(), type: "snapshot", data: snapshot })));
  });
  socket.on("close", () => sockets.delete(socket));
  socket.on("error", () => sockets.delete(socket));
});

const port = Number(process.env.PORT ?? 4056);
server.listen(port, "127.0.0.1", () => console.log(`mock ready: http://127.0.0.1:${port}`));
