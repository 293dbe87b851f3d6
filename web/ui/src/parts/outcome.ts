/** What an outcome needs and what follows from it. Pure. */
import type { Disposition } from "@/api/types";
import { halfHours } from "@/lib/day";
import { fromZonedInput, toZonedInput } from "@/lib/format";

export interface OutcomeDraft {
  code: string | null;
  sub: string | null;
  /** RFC 3339. */
  callbackAt: string | null;
}

export const emptyOutcome: OutcomeDraft = { code: null, sub: null, callbackAt: null };

export type Need = "code" | "sub_disposition" | "notes" | "callback_at";

/** What is still missing before the outcome can be saved. */
export function missing(chosen: Disposition | undefined, draft: OutcomeDraft, notes: string, now: number): Need[] {
  if (!chosen) return ["code"];
  const needs: Need[] = [];
  if (chosen.required.includes("sub_disposition") && !draft.sub) needs.push("sub_disposition");
  if (chosen.required.includes("notes") && notes.trim() === "") needs.push("notes");
  const at = draft.callbackAt ? Date.parse(draft.callbackAt) : NaN;
  if (chosen.required.includes("callback_at") ? !(at > now) : at <= now) needs.push("callback_at");
  return needs;
}

/** Is a time asked for, whether it must be given or may be left to the default? */
export const asksForTime = (chosen: Disposition): boolean => chosen.required.includes("callback_at") || chosen.next_action === "schedule_callback";

export interface Preset {
  id: "half_hour" | "two_hours" | "evening" | "tomorrow" | "tomorrow_evening";
  at: Date;
}

/** When people may be called: from one minute of the day until before another. */
export interface Hours {
  from: number;
  until: number;
}

/** `09:30` as minutes of the day. */
const minuteOf = (clock: string): number => {
  const [hour = 0, minute = 0] = clock.split(":").map(Number);
  return hour * 60 + minute;
};

export const hoursOf = ({ calls_from, calls_until }: { calls_from: string; calls_until: string }): Hours => ({ from: minuteOf(calls_from), until: minuteOf(calls_until) });

/** What the law leaves commercial calls in India; for the moment before one's own company is known. */
export const USUAL_HOURS: Hours = { from: 9 * 60, until: 21 * 60 };

const isIn = (hours: Hours, minute: number): boolean => minute >= hours.from && minute < hours.until;

/** Half hours that may be promised. */
export const timesIn = (hours: Hours): string[] => halfHours(0, 23.5).filter((time) => isIn(hours, minuteOf(time)));

/** A minute of the day in IST, some days on. */
function atMinute(now: Date, minute: number, days = 0): Date {
  const day = toZonedInput(new Date(now.getTime() + days * 86_400_000)).slice(0, 10);
  const two = (n: number) => String(n).padStart(2, "0");
  return fromZonedInput(`${day}T${two(Math.floor(minute / 60))}:${two(minute % 60)}`) ?? now;
}

const minuteIn = (at: Date): number => minuteOf(toZonedInput(at).slice(11, 16));

/** The first moment from `at` on when people may be called: where the server puts a call that nobody named a time for. */
export function intoHours(at: Date, hours: Hours): Date {
  const minute = minuteIn(at);
  return isIn(hours, minute) ? at : atMinute(at, hours.from, minute < hours.from ? 0 : 1);
}

/** Times worth one click, all inside the hours in which people may be called. */
export function presets(now: Date, hours: Hours): Preset[] {
  const later = (minutes: number) => new Date(Math.ceil((now.getTime() + minutes * 60_000) / 300_000) * 300_000);
  const candidates: Preset[] = [
    { id: "half_hour", at: later(30) },
    { id: "two_hours", at: later(120) },
    { id: "evening", at: atMinute(now, 18 * 60) },
    { id: "tomorrow", at: atMinute(now, 11 * 60, 1) },
    { id: "tomorrow_evening", at: atMinute(now, 18 * 60, 1) },
  ];
  return candidates.filter(({ at }) => at.getTime() > now.getTime() + 10 * 60_000 && isIn(hours, minuteIn(at)));
}

/** The usual time nearest to when the outcome itself would call again: chosen to begin with, seen, and changed by a click. */
export function likelyTime(chosen: Disposition, now: Date, hours: Hours): string | null {
  if (!asksForTime(chosen)) return null;
  const wished = now.getTime() + (chosen.retry_after_minutes ?? 24 * 60) * 60_000;
  const far = ({ at }: Preset) => Math.abs(at.getTime() - wished);
  const nearest = presets(now, hours).sort((a, b) => far(a) - far(b))[0];
  return nearest ? nearest.at.toISOString() : null;
}

/** Said by a time, not by a word. */
const TIMED = new Set(["none", "retry", "schedule_callback"]);

export type Next = { kind: "callback"; at: string } | { kind: "retry"; at: string } | { kind: "action"; action: string } | { kind: "none" };

/** What the server will do once this is saved, to be said before it is. */
export function whatHappensNext(chosen: Disposition, draft: OutcomeDraft, now: number, hours: Hours): Next[] {
  const next: Next[] = [];
  const inMinutes = (minutes: number) => intoHours(new Date(now + minutes * 60_000), hours).toISOString();
  if (draft.callbackAt) next.push({ kind: "callback", at: draft.callbackAt });
  else if (typeof chosen.retry_after_minutes === "number") next.push({ kind: asksForTime(chosen) ? "callback" : "retry", at: inMinutes(chosen.retry_after_minutes) });
  if (chosen.next_action && !TIMED.has(chosen.next_action)) next.push({ kind: "action", action: chosen.next_action });
  return next.length > 0 ? next : [{ kind: "none" }];
}

/** The four outcomes with a chord of their own (DSP-21). */
export const CHORDS: readonly { code: string; keys: string }[] = [
  { code: "INTERESTED", keys: "Ctrl+Digit1" },
  { code: "NOT_INTERESTED", keys: "Ctrl+Digit2" },
  { code: "CALLBACK", keys: "Ctrl+Digit3" },
  { code: "WRONG_NUMBER", keys: "Ctrl+Digit4" },
];
