/** The call detail record as a fold of the call's events: the mirror of the `call` crate's own fold. */

export type Direction = "inbound" | "outbound" | "internal";
export type CallStatus = "initiated" | "ringing" | "in_progress" | "completed" | "missed" | "failed";
export type LegRole = "agent" | "customer" | "caller" | "callee" | "supervisor";
export type LegStatus = "started" | "ringing" | "answered" | "ended";
export type RecordingStatus = "recording" | "paused" | "stopped" | "failed";

export interface HangupCause {
  by: string;
  kind: string;
  q850: number;
  sip_status: number | null;
}

export type LegEndpoint = { via: "extension"; extension: string; user: string | null } | { via: "trunk"; trunk: string };

export interface LegQuality {
  codec: string;
  packets_received: number;
  packets_lost: number;
  packets_sent: number;
  jitter_ms: number;
  round_trip_ms: number | null;
  remote_loss_percent: number | null;
  mos: number;
}

export interface LegRecord {
  leg: string;
  role: LegRole;
  endpoint: LegEndpoint;
  status: LegStatus;
  cause: HangupCause | null;
  quality: LegQuality | null;
}

export interface CallRecord {
  id: string;
  tenant_id: string;
  direction: Direction | null;
  status: CallStatus;
  from: string;
  to: string;
  lead_id: string | null;
  agent_id: string | null;
  extension_id: string | null;
  trunk_id: string | null;
  number_id: string | null;
  campaign_id: string | null;
  carrier_refs: [string, string][];
  started_at_ms: number | null;
  ringing_at_ms: number | null;
  answered_at_ms: number | null;
  ended_at_ms: number | null;
  duration_seconds: number;
  hangup_cause: HangupCause | null;
  suggested_disposition: string | null;
  recording: { id: string; status: RecordingStatus; duration_ms: number | null; error: string | null } | null;
  announced: string[];
  consent: boolean | null;
  muted: boolean;
  held: string[];
  legs: LegRecord[];
  events_lost: number;
}

interface StartedBody {
  direction: Direction;
  from: string;
  to: string;
  lead: string | null;
  agent: string | null;
  extension: string | null;
  trunk: string | null;
  number: string | null;
  campaign: string | null;
  carrier_refs: [string, string][];
}

export type CallEventBody =
  | ({ kind: "started" } & StartedBody)
  | { kind: "leg_started"; leg: string; role: LegRole; endpoint: LegEndpoint }
  | { kind: "leg_ringing"; leg: string; early_media: boolean }
  | { kind: "leg_answered"; leg: string }
  | { kind: "answered"; agent: string | null; extension: string | null; trunk: string | null }
  | { kind: "bridged"; a: string; b: string }
  | { kind: "transferred"; from: string; to: string; agent: string | null; extension: string | null }
  | { kind: "held"; leg: string; by_party: boolean }
  | { kind: "resumed"; leg: string }
  | { kind: "muted"; leg: string; muted: boolean }
  | { kind: "dtmf_received"; leg: string; digit: string }
  | { kind: "announced"; leg: string; prompt: string }
  | { kind: "consent_decided"; agreed: boolean }
  | { kind: "recording_started"; recording: string }
  | { kind: "recording_paused"; recording: string; paused: boolean }
  | { kind: "recording_stopped"; recording: string; duration_ms: number }
  | { kind: "recording_failed"; recording: string; error: string }
  | { kind: "trunk_failed"; trunk: string; cause: HangupCause }
  | { kind: "lead_found"; lead: string }
  | { kind: "leg_ended"; leg: string; cause: HangupCause; quality: LegQuality | null }
  | { kind: "ended"; cause: HangupCause; suggested_disposition: string | null }
  | { kind: "gap"; lost: number };

export type CallEvent = { v: number; tenant: string; call: string } & CallEventBody;

const STATUSES: readonly CallStatus[] = ["initiated", "ringing", "in_progress", "completed", "missed", "failed"];
const LEG_STATUSES: readonly LegStatus[] = ["started", "ringing", "answered", "ended"];
const CALLED_ROLE: Record<Direction, LegRole> = { inbound: "agent", outbound: "customer", internal: "callee" };
/** Causes for which an inbound or internal call that was not answered counts as missed, not as failed. */
const MISSED = new Set(["normal", "cancelled", "busy", "no_answer", "rejected", "do_not_disturb", "unavailable", "agent_unavailable"]);

export const isOver = (status: CallStatus): boolean => STATUSES.indexOf(status) >= STATUSES.indexOf("completed");

/** The record before its first event. */
export function emptyRecord(tenant: string, call: string): CallRecord {
  return {
    id: call,
    tenant_id: tenant,
    direction: null,
    status: "initiated",
    from: "",
    to: "",
    lead_id: null,
    agent_id: null,
    extension_id: null,
    trunk_id: null,
    number_id: null,
    campaign_id: null,
    carrier_refs: [],
    started_at_ms: null,
    ringing_at_ms: null,
    answered_at_ms: null,
    ended_at_ms: null,
    duration_seconds: 0,
    hangup_cause: null,
    suggested_disposition: null,
    recording: null,
    announced: [],
    consent: null,
    muted: false,
    held: [],
    legs: [],
    events_lost: 0,
  };
}

const advance = (record: CallRecord, to: CallStatus): CallStatus =>
  STATUSES.indexOf(record.status) < STATUSES.indexOf(to) ? to : record.status;

function changeLeg(record: CallRecord, leg: string, change: (known: LegRecord) => LegRecord): LegRecord[] {
  return record.legs.map((known) => (known.leg === leg ? change(known) : known));
}

function legMoves(record: CallRecord, leg: string, to: LegStatus): LegRecord[] {
  return changeLeg(record, leg, (known) => (LEG_STATUSES.indexOf(known.status) < LEG_STATUSES.indexOf(to) ? { ...known, status: to } : known));
}

function started(record: CallRecord, event: StartedBody, at: number): CallRecord {
  return {
    ...record,
    direction: event.direction,
    from: event.from,
    to: event.to,
    lead_id: event.lead,
    agent_id: record.agent_id ?? event.agent,
    extension_id: record.extension_id ?? event.extension,
    trunk_id: record.trunk_id ?? event.trunk,
    number_id: event.number,
    campaign_id: event.campaign,
    carrier_refs: event.carrier_refs,
    started_at_ms: record.started_at_ms ?? at,
  };
}

function legStarted(record: CallRecord, event: { leg: string; role: LegRole; endpoint: LegEndpoint }): CallRecord {
  if (record.legs.some((known) => known.leg === event.leg)) return record;
  const leg: LegRecord = { leg: event.leg, role: event.role, endpoint: event.endpoint, status: "started", cause: null, quality: null };
  const trunk_id = event.role === "customer" && event.endpoint.via === "trunk" ? event.endpoint.trunk : record.trunk_id;
  return { ...record, trunk_id, legs: [...record.legs, leg] };
}

function legRinging(record: CallRecord, leg: string, at: number): CallRecord {
  const legs = legMoves(record, leg, "ringing");
  const role = legs.find((known) => known.leg === leg)?.role;
  const rings = role !== undefined && record.direction !== null && role === CALLED_ROLE[record.direction];
  if (!rings) return { ...record, legs };
  return { ...record, legs, ringing_at_ms: record.ringing_at_ms ?? at, status: advance(record, "ringing") };
}

function ended(record: CallRecord, cause: HangupCause, suggested: string | null, at: number): CallRecord {
  if (isOver(record.status)) return record;
  const answered = record.answered_at_ms;
  const missed = (record.direction === "inbound" || record.direction === "internal") && MISSED.has(cause.kind);
  return {
    ...record,
    ended_at_ms: at,
    hangup_cause: cause,
    suggested_disposition: suggested,
    muted: false,
    held: [],
    duration_seconds: answered === null ? record.duration_seconds : Math.floor(Math.max(0, at - answered) / 1000),
    status: answered !== null ? "completed" : missed ? "missed" : "failed",
  };
}

function recordingMoves(record: CallRecord, id: string, change: Partial<NonNullable<CallRecord["recording"]>>): CallRecord {
  const before = record.recording ?? { id, status: "recording" as const, duration_ms: null, error: null };
  return { ...record, recording: { ...before, ...change } };
}

/** Takes one event; events of other calls change nothing. */
export function applyEvent(record: CallRecord, event: CallEvent, at: number): CallRecord {
  if (event.call !== record.id || event.tenant !== record.tenant_id) return record;
  switch (event.kind) {
    case "started":
      return started(record, event, at);
    case "leg_started":
      return legStarted(record, event);
    case "leg_ringing":
      return legRinging(record, event.leg, at);
    case "leg_answered":
      return { ...record, legs: legMoves(record, event.leg, "answered") };
    case "answered":
      return {
        ...record,
        agent_id: event.agent ?? record.agent_id,
        extension_id: event.extension ?? record.extension_id,
        trunk_id: event.trunk ?? record.trunk_id,
        answered_at_ms: record.answered_at_ms ?? at,
        status: advance(record, "in_progress"),
      };
    case "transferred":
      return {
        ...record,
        agent_id: event.agent ?? record.agent_id,
        extension_id: event.extension ?? record.extension_id,
      };
    case "held":
      return record.held.includes(event.leg) ? record : { ...record, held: [...record.held, event.leg] };
    case "resumed":
      return { ...record, held: record.held.filter((leg) => leg !== event.leg) };
    case "muted":
      return { ...record, muted: event.muted };
    case "announced":
      return record.announced.includes(event.prompt) ? record : { ...record, announced: [...record.announced, event.prompt] };
    case "consent_decided":
      return { ...record, consent: event.agreed };
    case "recording_started":
      return recordingMoves(record, event.recording, {});
    case "recording_paused":
      return recordingMoves(record, event.recording, { status: event.paused ? "paused" : "recording" });
    case "recording_stopped":
      return recordingMoves(record, event.recording, { status: "stopped", duration_ms: event.duration_ms });
    case "recording_failed":
      return recordingMoves(record, event.recording, { status: "failed", error: event.error });
    case "leg_ended":
      return {
        ...record,
        held: record.held.filter((leg) => leg !== event.leg),
        legs: changeLeg(record, event.leg, (known) => ({ ...known, status: "ended", cause: event.cause, quality: event.quality ?? known.quality })),
      };
    case "ended":
      return ended(record, event.cause, event.suggested_disposition, at);
    case "lead_found":
      return { ...record, lead_id: event.lead };
    case "gap":
      return { ...record, events_lost: record.events_lost + event.lost };
    case "bridged":
    case "dtmf_received":
    case "trunk_failed":
      return record;
  }
}
