/** What is happening now, as the live socket tells it: a snapshot, then deltas. Pure. */
import type { Agent, Alert, Call, LeadCard, PhoneLeg, PhoneNews, PhoneOffer, WireCall, WireSnapshot } from "@/api/types";

/** A call and what is true of it only now. */
export interface LiveCall {
  call: Call;
  agentConnected: boolean;
  customerRinging: boolean;
  held: boolean;
  muted: boolean;
  recording: boolean;
  recordingPaused: boolean;
  digits: string;
  lead: LeadCard | null;
}

export type LiveMessage = { seq: number; at: string } & (
  | { type: "snapshot"; data: WireSnapshot }
  | { type: "call:started" | "call:answered" | "call:updated" | "call:ended"; data: WireCall }
  | { type: "agent:state"; data: Agent }
  | { type: "alert"; data: Alert }
  | { type: "phone:state"; data: PhoneNews }
  | { type: "phone:offer"; data: PhoneOffer }
  | { type: "phone:hangup"; data: PhoneLeg }
);

/** `lost`: what is shown may be old. */
export type Link = "connecting" | "live" | "lost";

export interface Board {
  link: Link;
  /** Time of the newest message. */
  asOf: string | null;
  me: Agent | null;
  /** Calls that are not over, by id. */
  calls: Readonly<Record<string, LiveCall>>;
  /** Own calls that are over and wait for their outcome. */
  pending: Readonly<Record<string, LiveCall>>;
  agents: Readonly<Record<string, Agent>>;
  alerts: Readonly<Record<string, Alert>>;
  /** Newest position seen of each call and agent: an older delta is not applied. */
  seen: Readonly<Record<string, number>>;
}

export const emptyBoard: Board = { link: "connecting", asOf: null, me: null, calls: {}, pending: {}, agents: {}, alerts: {}, seen: {} };

const OVER = new Set(["completed", "missed", "failed"]);

/** Parts what is the call's own from what is of the moment. */
export function fromWire(wire: WireCall): LiveCall {
  const { call_id: _same, agent_connected, customer_ringing, held, muted, recording_running, recording_paused, digits, lead, ...call } = wire;
  return {
    call,
    agentConnected: agent_connected,
    customerRinging: customer_ringing,
    held,
    muted,
    recording: recording_running,
    recordingPaused: recording_paused,
    digits,
    lead: lead ?? null,
  };
}

const byId = <T>(items: readonly T[], id: (item: T) => string): Record<string, T> => Object.fromEntries(items.map((item) => [id(item), item]));

function without<T>(record: Readonly<Record<string, T>>, id: string): Readonly<Record<string, T>> {
  if (!(id in record)) return record;
  const { [id]: _gone, ...rest } = record;
  return rest;
}

/** The call is the reader's own, not one a team lead merely watches. */
export function isMine(board: Pick<Board, "me">, live: LiveCall): boolean {
  return board.me !== null && (live.call.agent_id === board.me.user_id || board.me.call_id === live.call.id);
}

function snapshot(data: WireSnapshot, seq: number, at: string): Board {
  const calls = byId(data.calls.map(fromWire), (live) => live.call.id);
  const pending = byId(data.pending.map(fromWire), (live) => live.call.id);
  const agents = byId(data.agents, (agent) => agent.user_id);
  const ids = [...Object.keys(calls), ...Object.keys(pending), ...Object.keys(agents)];
  return {
    link: "live",
    asOf: at,
    me: data.agent ?? null,
    calls,
    pending,
    agents,
    alerts: byId(data.alerts, (alert) => alert.code),
    seen: Object.fromEntries(ids.map((id) => [id, seq])),
  };
}

/** The card of a person comes with some messages only; what is known of them stays. */
function keepCard(before: LiveCall | undefined, next: LiveCall): LiveCall {
  return next.lead === null && before?.lead && before.call.lead_id === next.call.lead_id ? { ...next, lead: before.lead } : next;
}

function callChanged(board: Board, incoming: LiveCall): Board {
  const { id, status, disposition } = incoming.call;
  const live = keepCard(board.calls[id] ?? board.pending[id], incoming);
  if (!OVER.has(status)) return { ...board, calls: { ...board.calls, [id]: live }, pending: without(board.pending, id) };
  const calls = without(board.calls, id);
  if (disposition) return { ...board, calls, pending: without(board.pending, id) };
  const mine = isMine(board, live) || id in board.pending;
  return { ...board, calls, pending: mine ? { ...board.pending, [id]: live } : board.pending };
}

function agentChanged(board: Board, agent: Agent): Board {
  const agents = { ...board.agents, [agent.user_id]: agent };
  if (board.me?.user_id !== agent.user_id) return { ...board, agents };
  const busy = agent.state === "on_call" || agent.state === "ringing";
  // An outcome saved in another tab, or by a team lead, takes its call away here too.
  const kept = busy ? board.pending : Object.fromEntries(Object.entries(board.pending).filter(([id]) => agent.pending_outcomes.includes(id)));
  return { ...board, agents, me: agent, pending: kept };
}

const KNOWN: ReadonlySet<string> = new Set(["call:started", "call:answered", "call:updated", "call:ended", "agent:state"]);

/** Takes one message of the server. */
export function reduce(board: Board, message: LiveMessage): Board {
  const next: Board = { ...board, link: "live", asOf: message.at };
  if (message.type === "snapshot") return snapshot(message.data, message.seq, message.at);
  if (message.type === "alert") {
    const { code, cleared } = message.data;
    return { ...next, alerts: cleared ? without(board.alerts, code) : { ...board.alerts, [code]: message.data } };
  }
  // This page's phone is not the board's.
  if (message.type === "phone:state" || message.type === "phone:offer" || message.type === "phone:hangup") return next;
  // A newer server may tell of things this page does not know yet.
  if (!KNOWN.has(message.type)) return next;
  const id = message.type === "agent:state" ? message.data.user_id : message.data.id;
  if ((board.seen[id] ?? -1) > message.seq) return next;
  const seen = { ...board.seen, [id]: message.seq };
  if (message.type === "agent:state") return { ...agentChanged(next, message.data), seen };
  return { ...callChanged(next, fromWire(message.data)), seen };
}

/** The call at hand: a live one first, else the oldest that waits for its outcome. */
export function myCall(board: Board): LiveCall | null {
  const oldest = (a: LiveCall, b: LiveCall) => a.call.started_at.localeCompare(b.call.started_at);
  const live = Object.values(board.calls).filter((call) => isMine(board, call));
  if (live.length > 0) return live.sort(oldest)[0] ?? null;
  return Object.values(board.pending).sort(oldest)[0] ?? null;
}

export type Phase = "calling_you" | "dialing" | "ringing" | "incoming" | "talking" | "held" | "over";

/** Where a call stands in the words of the person at the desk. */
export function phaseOf({ call, agentConnected, customerRinging, held }: LiveCall): Phase {
  if (OVER.has(call.status)) return "over";
  if (call.status === "in_progress") return held ? "held" : "talking";
  if (call.direction === "inbound") return "incoming";
  if (customerRinging) return "ringing";
  return agentConnected ? "dialing" : "calling_you";
}
