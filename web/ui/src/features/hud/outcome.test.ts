import { describe, expect, it } from "vitest";
import type { Disposition } from "@/api/types";
import { emptyOutcome, likelyTime, missing, presets, whatHappensNext } from "./outcome";

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
    expect(presets(new Date(now)).map((one) => one.id)).toEqual(["half_hour", "two_hours", "evening", "tomorrow", "tomorrow_evening"]);
    const late = presets(new Date("2026-11-20T15:10:00Z")); // 20:40
    expect(late.map((one) => one.id)).toEqual(["tomorrow", "tomorrow_evening"]);
    expect(late[0]?.at.toISOString()).toBe("2026-11-21T05:30:00.000Z");
  });

  it("begins with the usual time nearest to its own, and with none where no time is asked for", () => {
    const promise = outcome({ next_action: "schedule_callback", retry_after_minutes: 1440 });
    expect(likelyTime(promise, new Date(now))).toBe("2026-11-21T05:30:00.000Z"); // tomorrow 11:00
    expect(likelyTime(promise, new Date("2026-11-20T11:00:00Z"))).toBe("2026-11-21T12:30:00.000Z"); // tomorrow 18:00
    expect(likelyTime(promise, new Date("2026-11-20T16:30:00Z"))).toBe("2026-11-21T12:30:00.000Z"); // at 22:00 too
    expect(likelyTime({ ...promise, retry_after_minutes: 120 }, new Date(now))).toBe("2026-11-20T08:00:00.000Z");
    expect(likelyTime(outcome({ retry_after_minutes: 120 }), new Date(now))).toBeNull();
  });

  it("says what follows before it is saved", () => {
    expect(whatHappensNext(outcome({ retry_after_minutes: 120 }), emptyOutcome, now)).toEqual([{ kind: "retry", at: "2026-11-20T08:00:00.000Z" }]);
    const at = "2026-11-21T05:30:00.000Z";
    expect(whatHappensNext(outcome({ next_action: "schedule_callback", retry_after_minutes: 1440 }), { ...emptyOutcome, callbackAt: at }, now)).toEqual([{ kind: "callback", at }]);
    expect(whatHappensNext(outcome({ next_action: "schedule_visit" }), emptyOutcome, now)).toEqual([{ kind: "action", action: "schedule_visit" }]);
    expect(whatHappensNext(outcome({}), emptyOutcome, now)).toEqual([{ kind: "none" }]);
  });
});
