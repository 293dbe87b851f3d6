import { describe, expect, it } from "vitest";
import type { Call } from "@/api/types";
import { type Board, type LiveCall, emptyBoard } from "@/live/board";
import { KINDS, connects, heardOf, samplesOf } from "./score";
import { USUAL, readSettings } from "./settings";

const RATE = 8_000;
const loudness = (samples: Float32Array) => Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length);

function boardWith(change: Partial<Call> | null, more: Partial<LiveCall> = {}, board: Partial<Board> = {}): Board {
  const me = { user_id: "asha", call_id: null } as unknown as Board["me"];
  if (!change) return { ...emptyBoard, link: "live", me, ...board };
  const call = { id: "c1", direction: "inbound", status: "ringing", agent_id: "asha", started_at: "2026-11-27T06:00:00Z", ...change } as Call;
  const live: LiveCall = { call, agentConnected: false, customerRinging: false, held: false, muted: false, recording: false, recordingPaused: false, digits: "", lead: null, ...more };
  return { ...emptyBoard, link: "live", me, calls: { [call.id]: live }, ...board };
}

describe("sounds", () => {
  it("are loud enough, never too loud, and end in silence", () => {
    for (const kind of KINDS) {
      const samples = samplesOf(kind, RATE);
      expect(loudness(samples), kind).toBeGreaterThan(0.05);
      expect(Math.max(...samples.map(Math.abs)), kind).toBeLessThanOrEqual(0.8001);
      expect(Math.abs(samples[0] ?? 1), kind).toBeLessThan(0.01);
      expect(Math.abs(samples.at(-1) ?? 1), kind).toBeLessThan(0.01);
    }
  });

  it("of a ring rest between two rounds, and differ from the beep", () => {
    const ring = samplesOf("ring", RATE);
    expect(loudness(ring.slice(-RATE))).toBeLessThan(0.02);
    expect(ring.length).toBeGreaterThan(10 * samplesOf("connected", RATE).length);
  });

  it("ring while a call is offered to the reader, and at nothing else", () => {
    expect(heardOf(boardWith({})).rings).toBe("c1");
    expect(heardOf(boardWith(null)).rings).toBeNull();
    expect(heardOf(boardWith({ status: "in_progress" })).rings).toBeNull();
    expect(heardOf(boardWith({ agent_id: "bharat" })).rings).toBeNull();
    // A click to call rings her own phone: she knows.
    expect(heardOf(boardWith({ direction: "outbound" })).rings).toBeNull();
    expect(heardOf(boardWith({ status: "missed" })).rings).toBeNull();
  });

  it("do not ring on for a picture that may be old", () => {
    expect(heardOf(boardWith({}, {}, { link: "lost" })).rings).toBeNull();
  });

  it("beep once when a call is connected, not when it is taken off hold or found on a reload", () => {
    const incoming = heardOf(boardWith({}));
    const dialing = heardOf(boardWith({ direction: "outbound" }, { agentConnected: true }));
    const talking = heardOf(boardWith({ status: "in_progress" }));
    const held = heardOf(boardWith({ status: "in_progress" }, { held: true }));
    expect(connects(incoming, talking)).toBe(true);
    expect(connects(dialing, talking)).toBe(true);
    expect(connects(talking, talking)).toBe(false);
    expect(connects(held, talking)).toBe(false);
    expect(connects(heardOf(boardWith(null)), talking)).toBe(false);
    expect(connects(incoming, heardOf(boardWith({ status: "in_progress", id: "c2" })))).toBe(false);
  });

  it("keep what was set and fall back to the usual for the rest", () => {
    expect(readSettings(null)).toEqual(USUAL);
    expect(readSettings("{broken")).toEqual(USUAL);
    expect(readSettings('{"voices":{"ring":{"on":false,"volume":7}},"ringDevice":"x"}')).toEqual({ voices: { ...USUAL.voices, ring: { on: false, volume: USUAL.voices.ring.volume } }, ringDevice: "x" });
  });
});
