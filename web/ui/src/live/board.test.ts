import { describe, expect, it } from "vitest";
import type { Agent, Call, LeadCard, WireCall } from "@/api/types";
import { type Board, type LiveMessage, emptyBoard, fromWire, myCall, phaseOf, reduce } from "./board";

const ASHA = "agent-asha";
const agent = (more: Partial<Agent> = {}): Agent => ({
  user_id: ASHA,
  name: "Asha",
  extension: "101",
  state: "ready",
  reason: null,
  next: null,
  since: "2026-11-20T05:00:00Z",
  call_id: null,
  pending_outcomes: [],
  reachable: true,
  ...more,
});
const wire = (id: string, call: Partial<Call> = {}, now: Partial<WireCall> = {}): WireCall => ({
  call_id: id,
  id,
  direction: "outbound",
  status: "initiated",
  from: "101",
  to: "+919812340001",
  lead_id: "lead-1",
  lead_name: "Ravi",
  agent_id: ASHA,
  agent_name: "Asha",
  extension: "101",
  started_at: "2026-11-20T05:00:00Z",
  duration_seconds: 0,
  quality: [],
  agent_connected: false,
  customer_ringing: false,
  held: false,
  muted: false,
  recording_running: false,
  recording_paused: false,
  digits: "",
  ...call,
  ...now,
});
const at = "2026-11-20T05:00:01Z";
const start = (data: Partial<Extract<LiveMessage, { type: "snapshot" }>["data"]> = {}): Board =>
  reduce(emptyBoard, { seq: 10, at, type: "snapshot", data: { agent: agent(), calls: [], pending: [], agents: [agent()], alerts: [], ...data } });
const card = { lead: { id: "lead-1", name: "Ravi" }, history: [], script: null } as unknown as LeadCard;

describe("the board", () => {
  it("pops a call of one's own and keeps it until its outcome is saved", () => {
    let board = reduce(start(), { seq: 11, at, type: "call:started", data: wire("c1", {}, { lead: card }) });
    expect(myCall(board)?.call.id).toBe("c1");
    board = reduce(board, { seq: 12, at, type: "call:answered", data: wire("c1", { status: "in_progress" }) });
    expect(myCall(board)?.lead?.lead.name).toBe("Ravi");
    board = reduce(board, { seq: 13, at, type: "call:ended", data: wire("c1", { status: "completed" }) });
    expect(board.calls).toEqual({});
    expect(myCall(board)?.call.status).toBe("completed");
    board = reduce(board, { seq: 14, at, type: "call:updated", data: wire("c1", { status: "completed", disposition: "INTERESTED" }) });
    expect(myCall(board)).toBeNull();
  });

  it("does not go back when a delta arrives late", () => {
    let board = reduce(start(), { seq: 15, at, type: "call:answered", data: wire("c1", { status: "in_progress" }) });
    board = reduce(board, { seq: 14, at, type: "call:updated", data: wire("c1", { status: "ringing" }) });
    expect(board.calls.c1?.call.status).toBe("in_progress");
  });

  it("shows others' calls without taking them for one's own", () => {
    const board = reduce(start(), { seq: 11, at, type: "call:started", data: wire("c2", { agent_id: "someone" }) });
    expect(board.calls.c2).toBeDefined();
    expect(myCall(board)).toBeNull();
    expect(reduce(board, { seq: 12, at, type: "call:ended", data: wire("c2", { agent_id: "someone", status: "completed" }) }).pending).toEqual({});
  });

  it("knows an inbound call as one's own while only the agent's state names it", () => {
    const board = start({ agent: agent({ state: "ringing", call_id: "c3" }), calls: [wire("c3", { direction: "inbound", agent_id: null })] });
    expect(myCall(board)?.call.id).toBe("c3");
  });

  it("takes a call away whose outcome was saved elsewhere", () => {
    const board = start({ pending: [wire("c1", { status: "completed" })] });
    expect(myCall(reduce(board, { seq: 11, at, type: "agent:state", data: agent({ state: "wrap_up", pending_outcomes: ["c1"] }) }))).not.toBeNull();
    expect(myCall(reduce(board, { seq: 11, at, type: "agent:state", data: agent() }))).toBeNull();
  });

  it("replaces everything by a new snapshot", () => {
    const board = reduce(start({ calls: [wire("old")] }), { seq: 3, at, type: "snapshot", data: { agent: null, calls: [], pending: [], agents: [], alerts: [] } });
    expect(board.calls).toEqual({});
    expect(board.me).toBeNull();
    expect(board.link).toBe("live");
  });

  it("raises and clears alerts by their code", () => {
    const alert = { code: "degraded", severity: "warning" as const, message: "journal lags", cleared: false };
    const raised = reduce(start(), { seq: 11, at, type: "alert", data: alert });
    expect(raised.alerts.degraded?.message).toBe("journal lags");
    expect(reduce(raised, { seq: 12, at, type: "alert", data: { ...alert, cleared: true } }).alerts).toEqual({});
  });

  it("puts a live call before one that waits for its outcome", () => {
    const board = start({ calls: [wire("new", { started_at: "2026-11-20T06:00:00Z" })], pending: [wire("old", { status: "completed" })] });
    expect(myCall(board)?.call.id).toBe("new");
  });

  it("names the phase as the desk sees it", () => {
    expect(phaseOf(fromWire(wire("c")))).toBe("calling_you");
    expect(phaseOf(fromWire(wire("c", {}, { agent_connected: true })))).toBe("dialing");
    expect(phaseOf(fromWire(wire("c", { status: "ringing" }, { agent_connected: true, customer_ringing: true })))).toBe("ringing");
    expect(phaseOf(fromWire(wire("c", { direction: "inbound", status: "ringing" })))).toBe("incoming");
    expect(phaseOf(fromWire(wire("c", { status: "in_progress" }, { held: true })))).toBe("held");
    expect(phaseOf(fromWire(wire("c", { status: "failed" })))).toBe("over");
  });
});
