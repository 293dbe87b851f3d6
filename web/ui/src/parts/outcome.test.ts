import { describe, expect, it } from "vitest";
import type { Disposition } from "@/api/types";
import { USUAL_HOURS, emptyOutcome, hoursOf, intoHours, likelyTime, missing, presets, timesIn, whatHappensNext } from "./outcome";

const now = Date.parse("2026-11-20T06:00:00Z"); // 11:30 in IST
const outcome = (more: Partial<Disposition>): Disposition => ({
  code: "X",
  short_code: null,
  name: "X",
  group: "connected",
  aliases: [],
  required: [],
  sub_dispositions: [],
  next_action: "none",
  retry_after_minutes: null,
  position: 1,
  active: true,
  ...more,
});

describe("outcome", () => {
  it("needs a code first, then what the code requires", () => {
    expect(missing(undefined, emptyOutcome, "", now)).toEqual(["code"]);
    const strict = outcome({ required: ["notes", "callback_at", "sub_disposition"] });
    expect(missing(strict, emptyOutcome, "  ", now)).toEqual(["sub_disposition", "notes", "callback_at"]);
    const given = { code: "X", sub: "a", callbackAt: new Date(now + 60_000).toISOString() };
    expect(missing(strict, given, "said so", now)).toEqual([]);
  });

  it("refuses a promise in the past even where none is required", () => {
    expect(missing(outcome({}), { code: "X", sub: null, callbackAt: new Date(now - 1).toISOString() }, "", now)).toEqual(["callback_at"]);
  });

  it("offers only times in the calling hours and ahead of now", () => {
    expect(presets(new Date(now), USUAL_HOURS).map((one) => one.id)).toEqual(["half_hour", "two_hours", "evening", "tomorrow", "tomorrow_evening"]);
    const late = presets(new Date("2026-11-20T15:10:00Z"), USUAL_HOURS); // 20:40
    expect(late.map((one) => one.id)).toEqual(["tomorrow", "tomorrow_evening"]);
    expect(late[0]?.at.toISOString()).toBe("2026-11-21T05:30:00.000Z");
  });

  it("begins with the usual time nearest to its own, and with none where no time is asked for", () => {
    const promise = outcome({ next_action: "schedule_callback", retry_after_minutes: 1440 });
    expect(likelyTime(promise, new Date(now), USUAL_HOURS)).toBe("2026-11-21T05:30:00.000Z"); // tomorrow 11:00
    expect(likelyTime(promise, new Date("2026-11-20T11:00:00Z"), USUAL_HOURS)).toBe("2026-11-21T12:30:00.000Z"); // tomorrow 18:00
    expect(likelyTime(promise, new Date("2026-11-20T16:30:00Z"), USUAL_HOURS)).toBe("2026-11-21T12:30:00.000Z"); // at 22:00 too
    expect(likelyTime({ ...promise, retry_after_minutes: 120 }, new Date(now), USUAL_HOURS)).toBe("2026-11-20T08:00:00.000Z");
    expect(likelyTime(outcome({ retry_after_minutes: 120 }), new Date(now), USUAL_HOURS)).toBeNull();
  });

  it("says what follows before it is saved", () => {
    expect(whatHappensNext(outcome({ retry_after_minutes: 120 }), emptyOutcome, now, USUAL_HOURS)).toEqual([{ kind: "retry", at: "2026-11-20T08:00:00.000Z" }]);
    const at = "2026-11-21T05:30:00.000Z";
    expect(whatHappensNext(outcome({ next_action: "schedule_callback", retry_after_minutes: 1440 }), { ...emptyOutcome, callbackAt: at }, now, USUAL_HOURS)).toEqual([{ kind: "callback", at }]);
    expect(whatHappensNext(outcome({ next_action: "schedule_visit" }), emptyOutcome, now, USUAL_HOURS)).toEqual([{ kind: "action", action: "schedule_visit" }]);
    expect(whatHappensNext(outcome({}), emptyOutcome, now, USUAL_HOURS)).toEqual([{ kind: "none" }]);
  });

  it("keeps to the hours of one's own company", () => {
    const office = hoursOf({ calls_from: "10:30", calls_until: "18:00" });
    expect(presets(new Date(now), office).map((one) => one.id)).toEqual(["half_hour", "two_hours", "tomorrow"]);
    expect([timesIn(office)[0], timesIn(office).at(-1)]).toEqual(["10:30", "17:30"]);
    expect(timesIn(hoursOf({ calls_from: "00:00", calls_until: "24:00" }))).toHaveLength(48);
  });

  it("says of a call without a time when it will be, as the server puts it into the hours", () => {
    const busy = outcome({ retry_after_minutes: 120 });
    const at = (from: string) => whatHappensNext(busy, emptyOutcome, Date.parse(from), USUAL_HOURS);
    expect(at("2026-11-20T14:30:00Z")).toEqual([{ kind: "retry", at: "2026-11-21T03:30:00.000Z" }]); // 22:00 is too late
    expect(at("2026-11-20T00:30:00Z")).toEqual([{ kind: "retry", at: "2026-11-20T03:30:00.000Z" }]); // 8:00 is too early
    expect(intoHours(new Date("2026-11-20T15:29:00Z"), USUAL_HOURS).toISOString()).toBe("2026-11-20T15:29:00.000Z");
  });
});
