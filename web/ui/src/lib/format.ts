/** How numbers, times and phone numbers look: Indian grouping, DD-MM-YYYY, 12 hours, IST. */

export const ZONE = "Asia/Kolkata";
const DASH = "–";

function parts(at: Date, options: Intl.DateTimeFormatOptions): Record<string, string> {
  const found: Record<string, string> = {};
  for (const part of new Intl.DateTimeFormat("en-IN", { timeZone: ZONE, ...options }).formatToParts(at)) {
    found[part.type] = part.value;
  }
  return found;
}

function valid(value: string | number | Date | null | undefined): Date | null {
  if (value === null || value === undefined || value === "") return null;
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? null : at;
}

/** `20-11-2026`. */
export function formatDate(value: string | number | Date | null | undefined): string {
  const at = valid(value);
  if (!at) return DASH;
  const { day, month, year } = parts(at, { day: "2-digit", month: "2-digit", year: "numeric" });
  return `${day}-${month}-${year}`;
}

/** India's distance from UTC, as `getTimezoneOffset` counts it. */
const INDIA_MINUTES = -330;

/** `4:05 pm`, in IST; where the computer's own clock shows another time, `4:05 pm IST`. */
export function formatTime(value: string | number | Date | null | undefined, seconds = false): string {
  const at = valid(value);
  if (!at) return DASH;
  const p = parts(at, { hour: "numeric", minute: "2-digit", second: "2-digit", hour12: true });
  return `${p.hour}:${p.minute}${seconds ? `:${p.second}` : ""} ${(p.dayPeriod ?? "").toLowerCase()}${at.getTimezoneOffset() === INDIA_MINUTES ? "" : " IST"}`;
}

/** `20-11-2026, 4:05 pm`. */
export function formatDateTime(value: string | number | Date | null | undefined, seconds = false): string {
  return valid(value) ? `${formatDate(value)}, ${formatTime(value, seconds)}` : DASH;
}

/** The time alone for today, date and time otherwise. */
export function formatWhen(value: string | number | Date | null | undefined, now: Date = new Date()): string {
  const at = valid(value);
  if (!at) return DASH;
  return formatDate(at) === formatDate(now) ? formatTime(at) : formatDateTime(at);
}

/** The time alone for today, the date alone otherwise: for columns. */
export function formatDay(value: string | number | Date | null | undefined, now: Date = new Date()): string {
  const at = valid(value);
  if (!at) return DASH;
  return formatDate(at) === formatDate(now) ? formatTime(at) : formatDate(at);
}

/** `12,34,567`. */
export function formatNumber(value: number): string {
  return new Intl.NumberFormat("en-IN").format(value);
}

/** Countries by name, from their ISO 3166 letters; letters that nobody knows as they are. */
export function countryNames(codes: readonly string[], language: string): string {
  const names = new Intl.DisplayNames([language], { type: "region" });
  return codes.map((code) => names.of(code) ?? code).join(", ");
}

/** `04:07`, or `1:04:07` from an hour on. */
export function formatDuration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return DASH;
  const whole = Math.max(0, Math.floor(seconds));
  const pad = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const rest = `${pad(Math.floor((whole % 3600) / 60))}:${pad(whole % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

export type AgeUnit = "minute" | "hour" | "day";

/** How long ago, in the largest whole unit. */
export function ageOf(value: string, now: number = Date.now()): { count: number; unit: AgeUnit } {
  const minutes = Math.max(0, Math.floor((now - new Date(value).getTime()) / 60_000));
  if (minutes < 60) return { count: minutes, unit: "minute" };
  if (minutes < 48 * 60) return { count: Math.floor(minutes / 60), unit: "hour" };
  return { count: Math.floor(minutes / 1440), unit: "day" };
}

/** Area codes of two digits, as in `080`; 79 and 80 begin mobile numbers too, told apart by the digit that follows. */
const METRO = /^\+91(11|2[02]|33|4[04]|79(?=[1-7])|80(?=[2-46]))(\d{4})(\d{4})$/;

/** `+91 98765 43210`, a landline `+91 80 4719 0001`; a number of which we know no groups stays whole. */
export function formatPhone(e164: string | null | undefined): string {
  if (!e164) return DASH;
  const found = METRO.exec(e164) ?? /^\+91([6-9]\d{4})(\d{5})$/.exec(e164) ?? /^\+91(\d{3})(\d{3})(\d{4})$/.exec(e164);
  if (found) return `+91 ${found.slice(1).join(" ")}`;
  const american = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(e164);
  return american ? `+1 ${american.slice(1).join(" ")}` : e164;
}

/** A moment as `datetime-local` wants it, in IST whatever the computer's zone. */
export function toZonedInput(at: Date): string {
  const p = parts(at, { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return `${p.year}-${p.month}-${p.day}T${p.hour}:${p.minute}`;
}

/** The moment a `datetime-local` text means in IST. */
export function fromZonedInput(text: string): Date | null {
  return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/.test(text) ? valid(`${text}:00+05:30`) : null;
}
