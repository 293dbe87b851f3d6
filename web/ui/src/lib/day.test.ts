import { describe, expect, it } from "vitest";
import { addDays, halfHours, parseDay, showClock, showDay } from "@/lib/day";

const TODAY = "2026-11-26";

describe("days", () => {
  it("are read as people write them", () => {
    for (const text of ["05-12-2026", "5/12/2026", "5.12.26", " 5-12 ", "5 12 2026"]) expect(parseDay(text, TODAY)).toBe("2026-12-05");
    expect(parseDay("28", TODAY)).toBe("2026-11-28");
    expect(parseDay("29-02-2028", TODAY)).toBe("2028-02-29");
  });

  it("that do not exist are none", () => {
    for (const text of ["", "31-11-2026", "29-02-2026", "2026-11-26", "0-1-2026", "5-13-2026", "tomorrow"]) expect(parseDay(text, TODAY)).toBeNull();
  });

  it("are shown day first, and counted over the ends of months", () => {
    expect(showDay("2026-12-05")).toBe("05-12-2026");
    expect(addDays("2026-11-30", 1)).toBe("2026-12-01");
    expect(addDays("2026-03-01", -1)).toBe("2026-02-28");
  });

  it("have half hours on a clock of twelve", () => {
    expect(halfHours(9, 10)).toEqual(["09:00", "09:30", "10:00"]);
    expect(halfHours(0, 24)).toHaveLength(49);
    expect(["00:00", "09:30", "12:00", "23:30", "24:00"].map(showClock)).toEqual(["12:00 am", "9:30 am", "12:00 pm", "11:30 pm", "12:00 am"]);
  });
});
