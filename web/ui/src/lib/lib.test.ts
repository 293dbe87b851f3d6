import { describe, expect, it, vi } from "vitest";
import { ageOf, formatDate, formatDateTime, formatDuration, formatNumber, formatPhone, formatTime, formatWhen, fromZonedInput, toZonedInput } from "./format";
import { parsePhone, searchTerm } from "./phone";
import { uuid7 } from "./uuid";

describe("formats", () => {
  it("groups by lakh", () => expect(formatNumber(1234567)).toBe("12,34,567"));

  it("shows dates day first and times in IST whatever the zone", () => {
    expect(formatDate("2026-11-20T20:30:00Z")).toBe("21-11-2026");
    expect(formatTime("2026-11-20T10:35:00Z")).toBe("4:05 pm");
    expect(formatDateTime("2026-11-20T18:29:59Z")).toBe("20-11-2026, 11:59 pm");
  });

  it("names the zone where the computer's clock is in another", () => {
    const offset = vi.spyOn(Date.prototype, "getTimezoneOffset").mockReturnValue(-240);
    expect(formatTime("2026-11-20T10:35:00Z")).toBe("4:05 pm IST");
    expect(formatDateTime("2026-11-20T18:29:59Z")).toBe("20-11-2026, 11:59 pm IST");
    offset.mockReturnValue(-330);
    expect(formatTime("2026-11-20T10:35:00Z", true)).toBe("4:05:00 pm");
  });

  it("leaves the date out for today only", () => {
    const now = new Date("2026-11-20T10:00:00Z");
    expect(formatWhen("2026-11-20T05:30:00Z", now)).toBe("11:00 am");
    expect(formatWhen("2026-11-19T05:30:00Z", now)).toBe("19-11-2026, 11:00 am");
  });

  it("shows a dash for what is missing or no date", () => {
    expect(formatDate(null)).toBe("–");
    expect(formatDateTime("nonsense")).toBe("–");
    expect(formatDuration(undefined)).toBe("–");
  });

  it("counts minutes and seconds, and hours from one hour on", () => {
    expect(formatDuration(247)).toBe("04:07");
    expect(formatDuration(3847.9)).toBe("1:04:07");
    expect(formatDuration(-3)).toBe("00:00");
  });

  it("groups mobile numbers five and five, landlines after their area code, as the number field does", async () => {
    expect(formatPhone("+919876543210")).toBe("+91 98765 43210");
    for (const text of ["+918047190001", "+912261234567", "+917926301234", "+911123456789", "+917981234567", "+918098765432", "+911412345678", "+14155552671"]) {
      expect(formatPhone(text), text).toBe((await parsePhone(text))?.shown);
    }
    expect(formatPhone("+447911123456")).toBe("+447911123456");
    expect(formatPhone("101")).toBe("101");
  });

  it("tells age in the largest whole unit", () => {
    const now = Date.parse("2026-11-20T10:00:00Z");
    expect(ageOf("2026-11-20T09:58:00Z", now)).toEqual({ count: 2, unit: "minute" });
    expect(ageOf("2026-11-19T10:00:00Z", now)).toEqual({ count: 24, unit: "hour" });
    expect(ageOf("2026-11-10T10:00:00Z", now)).toEqual({ count: 10, unit: "day" });
  });

  it("reads and writes picker times as IST", () => {
    expect(toZonedInput(new Date("2026-11-20T18:35:00Z"))).toBe("2026-11-21T00:05");
    expect(fromZonedInput("2026-11-21T00:05")?.toISOString()).toBe("2026-11-20T18:35:00.000Z");
    expect(fromZonedInput("")).toBeNull();
  });
});

describe("phone numbers", () => {
  it("understands what people paste", async () => {
    for (const text of ["98765 43210", "098765-43210", "+91 (98765) 43210", "0091 98765 43210", "tel: 9876543210", "९८७६५४३२१०"]) {
      expect((await parsePhone(text))?.e164, text).toBe("+919876543210");
    }
    expect(await parsePhone("12345")).toBeNull();
    expect((await parsePhone("+1 415 555 2671"))?.e164).toBe("+14155552671");
  });

  it("searches numbers by their digits and names as they are", () => {
    expect(searchTerm("+91 98765-43210")).toBe("9876543210");
    expect(searchTerm("098765")).toBe("98765");
    expect(searchTerm("Asha 2")).toBe("Asha 2");
  });
});

describe("uuid7", () => {
  it("carries version, variant and time, so that ids sort by age", () => {
    const a = uuid7(1_000_000, new Uint8Array(10).fill(255));
    const b = uuid7(1_000_001, new Uint8Array(10));
    expect(a).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(a < b).toBe(true);
  });
});
