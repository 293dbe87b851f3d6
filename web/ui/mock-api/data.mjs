// Invented people and calls, the same on every start.
let seed = 7;
export const random = () => {
  seed = (seed * 1103515245 + 12345) % 2147483648;
  return seed / 2147483648;
};
const pick = (list) => list[Math.floor(random() * list.length)];
const id = (kind, n) => `0192f3a0-${String(kind).padStart(4, "0")}-7000-8000-${n.toString(16).padStart(12, "0")}`;
const now = Date.now();
const ago = (minutes) => new Date(now - minutes * 60_000).toISOString();

export const ids = { tenant: id(1, 1), user: (n) => id(2, n), extension: (n) => id(3, n), trunk: (n) => id(4, n), lead: (n) => id(5, n), number: (n) => id(6, n), call: (n) => id(16, n) };

const FIRST = ["Asha", "Ravi", "Meena", "Imran", "Priya", "Suresh", "Kavita", "Arjun", "Neha", "Vikram", "Lakshmi", "Farhan", "Deepa", "Rohit", "सुनीता", "Venkata Subramaniam"];
const LAST = ["Sharma", "Patel", "Iyer", "Khan", "Reddy", "Das", "Joshi", "Nair", "Gupta", "Singh", "वर्मा", "Chattopadhyay"];
const ORGANISATIONS = ["Sunrise Public School", "Patel Traders", "Green Valley Academy", null, "Om Sai Enterprises", null, "Kendriya Vidyalaya No. 2, Pune Cantonment"];

export const users = [
  ["admin@demo.local", "Anita Desai", "admin", null],
  ["manager@demo.local", "Mohan Rao", "manager", null],
  ["viewer@demo.local", "Vandana Pillai", "viewer", null],
  ...["asha", "bhavna", "chetan", "divya", "esha", "farid", "gita", "harish", "indu", "jatin"].map((name, n) => [`${name}@demo.local`, `${name[0].toUpperCase()}${name.slice(1)} ${LAST[n]}`, "telecaller", n + 1]),
].map(([email, name, role, phone], n) => ({
  id: ids.user(n + 1), email, name, role, language: "en", active: n !== 11,
  extension_id: phone ? ids.extension(phone) : null, extension: phone ? String(100 + phone) : null,
  last_login_at: n % 3 === 0 ? ago(30 + n * 400) : null, created_at: ago(90_000), updated_at: ago(500),
}));

export const extensions = users.filter((user) => user.extension).map((user, n) => ({
  id: user.extension_id, number: user.extension, type: "user", name: user.name, user_id: user.id, user_name: user.name,
  active: n !== 8, nat: true, dnd: false, voicemail: false, forward_to: null, ring_timeout_s: 25, registered: n < 6,
  registrations: n < 6 ? [{ user_agent: n % 2 ? "Yealink SIP-T31P 124.86.0.75" : "baresip v3.10", transport: n % 2 ? "udp" : "tcp", source: `192.168.1.${40 + n}:5060`, expires_at: ago(-40) }] : [],
  created_at: ago(90_000),
}));

const settingsOf = (host, port, more = {}) => ({ hosts: [{ host, port, priority: 10, weight: 10 }], transport: "udp", auth: "ip", codecs: ["PCMA", "PCMU"], source_cidrs: ["198.51.100.0/24"], number_format: "plus", header_rules: [], identity: "pai", register_expires_s: 600, options_interval_s: 30, certificate_names: [], ...more });
export const trunks = [
  ["demo-carrier", "simulated", settingsOf("127.0.0.1", 5090), { health: "up", registration: "off", since: ago(300), latency_ms: 3, live_calls: 1, last_error: null }],
  ["Exotel Mumbai", "exotel", settingsOf("pstn.in2.exotel.com", 443, { transport: "tls", channel_cap: 30 }), { health: "down", registration: null, since: ago(12), latency_ms: null, live_calls: 0, last_error: "403 Forbidden: source address is not on the allow-list" }],
].map(([name, preset, settings, status], n) => ({ id: ids.trunk(n + 1), name, preset, enabled: true, priority: 10 * (n + 1), weight: 10, has_secret: n === 1, settings, status, created_at: ago(90_000), updated_at: ago(700) }));

export const numbers = [1, 2].map((n) => ({
  id: ids.number(n), number: `+91804719000${n}`, purpose: "general", trunk_id: ids.trunk(1), trunk_name: "demo-carrier",
  destination: n === 1 ? { type: "extension", id: ids.extension(1) } : null, destination_extension: n === 1 ? "101" : null, verified: true, created_at: ago(80_000),
}));

const D = (code, name, group, next_action, retry, more = {}) => ({ code, short_code: null, name, group, aliases: [], required: [], sub_dispositions: [], next_action, retry_after_minutes: retry, active: true, ...more });
export const dispositions = [
  D("INTERESTED", "Interested", "connected", "schedule_visit", null),
  D("NOT_INTERESTED", "Not interested", "connected", "add_to_nurture", 129600, { sub_dispositions: ["too_expensive", "already_has_solution", "no_need", "bad_time", "other"], required: ["sub_disposition"] }),
  D("CALLBACK", "Call back", "connected", "schedule_callback", 1440),
  D("WRONG_NUMBER", "Wrong number", "connected", "mark_invalid", null),
  D("BUSY", "Busy", "not_connected", "retry", 120),
  D("NO_ANSWER", "No answer", "not_connected", "retry", 240),
  D("SWITCHED_OFF", "Switched off", "not_connected", "retry", 360),
  D("OUT_OF_SERVICE", "Out of service", "not_connected", "mark_invalid", null),
  D("DND", "Do not call again", "special", "mark_dnd", null),
  D("SCHEDULE_VISIT", "Visit booked", "connected", "schedule_visit", null, { required: ["notes"] }),
  D("SEND_INFO", "Send information", "connected", "send_info", null),
  D("LANGUAGE_BARRIER", "Language barrier", "connected", "reassign", null, { sub_dispositions: ["hindi", "english", "tamil", "telugu", "other"] }),
  D("ALREADY_CUSTOMER", "Already a customer", "connected", "none", null),
  D("ESCALATE", "Escalate to manager", "special", "assign_manager", null, { required: ["notes"] }),
  D("TECHNICAL_ISSUE", "Technical issue", "special", "retry", 60),
].map((one, position) => ({ ...one, position }));

const CATEGORIES = ["callback", "fresh", "retry", "retry", "fresh", "follow_up"];
export const leads = Array.from({ length: 200 }, (_, n) => {
  const category = CATEGORIES[n % CATEGORIES.length];
  const attempts = category === "fresh" ? 0 : 1 + Math.floor(random() * 4);
  const score = Math.floor(random() * 101);
  return {
    id: ids.lead(n + 1), external_id: null, name: `${pick(FIRST)} ${pick(LAST)}`, phone: `+919812340${String(n + 1).padStart(3, "0")}`, phone_masked: false,
    email: n % 3 ? `person${n}@example.in` : null, organisation: pick(ORGANISATIONS), status: pick(["new", "contacted", "interested", "not_interested"]),
    priority: score > 80 ? "hot" : score > 50 ? "warm" : "cold", category, lead_score: score, source: pick(["website", "landing_page", "csv", "referral"]),
    language: pick(["hi", "en", "mr", "ta"]), pincode: String(411000 + n), assigned_to: ids.user(4), assigned_to_name: "Asha Sharma", attempts,
    last_contact_at: attempts ? ago(60 + random() * 60_000) : null, last_disposition: attempts ? pick(["NO_ANSWER", "BUSY", "CALLBACK", "SWITCHED_OFF"]) : null,
    next_attempt_at: category === "callback" ? ago(-120 + n * 3) : null, dnd: n === 6, metadata: {}, created_at: ago(2 + n * 300), updated_at: ago(n),
  };
});

export const blockedOf = (lead, n) => (lead.dnd ? { rule: "do_not_call", detail: "on the do-not-call list", allowed_at: null } : n % 9 === 4 ? { rule: "calling_window", detail: "outside calling hours", allowed_at: ago(-600) } : null);
export const reasonOf = (lead, n) =>
  lead.category === "callback" ? { code: n < 3 ? "callback_late" : n < 9 ? "callback_due" : "callback_soon", at: lead.next_attempt_at } : lead.category === "fresh" ? { code: "fresh", at: lead.created_at } : { code: lead.category, at: null, attempts: lead.attempts };

const quality = (role, mos) => ({ role, codec: "PCMA", loss_percent: 0.2, jitter_ms: 3.1, round_trip_ms: 24, mos });
export const calls = Array.from({ length: 24 }, (_, n) => {
  const lead = leads[n % 8];
  const status = ["completed", "completed", "failed", "missed"][n % 4];
  const inbound = n % 4 === 3 || n % 5 === 1;
  const started = now - (n * 95 + 6) * 60_000;
  const talked = status === "completed";
  return {
    id: ids.call(n + 1), direction: inbound ? "inbound" : "outbound", status, from: inbound ? lead.phone : "+918047190001", to: inbound ? "+918047190001" : lead.phone,
    lead_id: lead.id, lead_name: lead.name, agent_id: ids.user(4), agent_name: "Asha Sharma", extension: "101", trunk_id: ids.trunk(1), campaign_id: null,
    started_at: new Date(started).toISOString(), answered_at: talked ? new Date(started + 9_000).toISOString() : null, ended_at: new Date(started + 9_000 + (talked ? 47_000 + n * 11_000 : 20_000)).toISOString(),
    duration_seconds: talked ? 47 + n * 11 : 0, hangup_cause: { by: talked ? "customer" : "system", kind: talked ? "normal" : status === "missed" ? "no_answer" : "busy", q850: 16, sip_status: talked ? null : 486 },
    disposition: talked ? pick(["INTERESTED", "CALLBACK", "NOT_INTERESTED"]) : status === "failed" ? "BUSY" : null, outcome: null, suggested_disposition: null,
    recording: talked ? { state: n === 4 ? "recovered" : "ready", duration_seconds: 20 } : null, notes: talked ? "Asked about the fee for class 6. Wants the brochure on WhatsApp." : null, quality: talked ? [quality("customer", 4.3), quality("agent", 4.4)] : [],
  };
});

export const timelineOf = (leadId) => {
  const items = calls.filter((call) => call.lead_id === leadId).map((call) => ({ id: call.id, at: call.started_at, kind: "call", user_id: call.agent_id, user_name: call.agent_name, text: null, call, callback: null }));
  items.push({ id: ids.call(900), at: ago(4000), kind: "note", user_id: ids.user(4), user_name: "Asha Sharma", text: "Father decides. Best reached after 6 pm.\nPrefers Hindi.", call: null, callback: null });
  items.push({ id: ids.call(901), at: ago(4100), kind: "callback", user_id: ids.user(4), user_name: "Asha Sharma", text: null, call: null, callback: { id: ids.call(901), lead_id: leadId, lead_name: null, due_at: ago(-900), user_id: ids.user(4), status: "pending", note: null, call_id: null, created_at: ago(4100) } });
  items.push({ id: ids.call(902), at: ago(9000), kind: "change", user_id: ids.user(2), user_name: "Mohan Rao", text: "status: new → contacted", call: null, callback: null });
  return items.sort((a, b) => b.at.localeCompare(a.at));
};

export const scripts = [
  { id: ids.call(950), name: "Admission call", language: "en", active: true, updated_at: ago(9000), body: "# Greeting\nGood morning, am I speaking with {{lead.name}}? I am {{agent.name}} from Pratham.\n\nThis call is recorded for quality. Is this a good time for two minutes?\n\n# Need\nYou had asked about admission for the coming year. For which class, and which school does your child attend now?\n\nWhat matters most to you: distance, fees, or results?\n\n# Offer\nWe have a campus visit on Saturday at 11 am. Shall I book a place for two people?\n\n# Close\nThank you, {{lead.first_name}} ji. I will send the details on WhatsApp to this number." },
  { id: ids.call(951), name: "प्रवेश कॉल", language: "hi", active: true, updated_at: ago(9000), body: "# अभिवादन\nनमस्ते, क्या मैं {{lead.name}} जी से बात कर रही हूँ? मैं प्रथम से {{agent.name}} बोल रही हूँ।\n\nयह कॉल गुणवत्ता के लिए रिकॉर्ड की जा रही है। क्या अभी दो मिनट बात हो सकती है?\n\n# ज़रूरत\nआपने अगले साल के प्रवेश के बारे में पूछा था। किस कक्षा के लिए?\n\n# प्रस्ताव\nशनिवार सुबह 11 बजे कैंपस देखने का कार्यक्रम है। क्या मैं आपके लिए जगह रख दूँ?" },
];
export const objections = [
  ["price", "It is too expensive.", "I understand. Many families felt so at first. May I show what the fee includes, and the instalments?"],
  ["time", "Call me later.", "Of course. Would this evening at six or tomorrow at eleven suit you better?"],
  ["trust", "I have never heard of you.", "Fair enough. We have run schools in Pune for 14 years; you are welcome to visit this Saturday."],
].map(([category, objection, response], n) => ({ id: ids.call(960 + n), category, objection, response, language: "en" }));

export const settings = { name: "Pratham", timezone: "Asia/Kolkata", sip_domain: "pratham.telehub.local", calling: { window_start: "09:00", window_end: "21:00", daily_attempts: 3, countries: ["IN"], premium: false, satellite: false, default_caller_id: "+918047190001", agent_ring_timeout_s: 20, ring_timeout_s: 45, max_duration_s: 7200 }, recording: { enabled: true, consent: "announce", language: "en", retention_days: 180 }, dispositions: { edit_minutes: 15, wrap_up_s: 30 }, desk: { telecallers_see_all: false, telecallers_take_unassigned: true, manual_dialing: true } };
export const audit = ["auth.login", "extension.secret_read", "recording.play", "trunk.update", "lead.update", "settings.update"].flatMap((action, n) => [0, 1, 2].map((m) => ({ id: ids.call(1000 + n * 3 + m), at: ago(n * 40 + m * 700), user_id: ids.user(1), user_name: m === 2 ? null : "Anita Desai", action, object_type: action.split(".")[0], object_id: ids.extension(1), detail: n === 3 ? { enabled: { before: true, after: false } } : {}, ip: "192.168.1.20" }))).sort((a, b) => b.at.localeCompare(a.at));
export const presets = ["exotel", "twilio", "other"].map((preset) => ({ preset, settings: settingsOf(preset === "exotel" ? "pstn.in2.exotel.com" : preset === "twilio" ? "example.pstn.twilio.com" : "", preset === "exotel" ? 443 : 5061, { transport: preset === "other" ? "udp" : "tls" }) }));
export const agents = users.filter((user) => user.extension).map((user, n) => ({ user_id: user.id, name: user.name, extension: user.extension, state: ["ready", "on_call", "paused", "wrap_up", "ready", "unreachable", "offline", "offline", "offline", "offline"][n], reason: n === 2 ? "lunch" : null, next: null, since: ago(2 + n * 3), call_id: n === 1 ? ids.call(500) : null, pending_outcomes: n === 3 ? [ids.call(501)] : [], reachable: n !== 5 }));
