/** Days as they are written in India, `26-11-2026`, and as computers keep them, `2026-11-26`. Pure. */

const two = (n: number): string => String(n).padStart(2, "0");

/** The day meant by `26-11-2026`, `26/11/26`, `26.11` or `26`; null while it is none. A missing month or year is today's. */
export function parseDay(text: string, today: string): string | null {
  const found = /^(\d{1,2})(?:[-/. ](\d{1,2})(?:[-/. ](\d{2}|\d{4}))?)?$/.exec(text.trim());
  if (!found) return null;
  const [thisYear, thisMonth] = today.split("-").map(Number) as [number, number];
  const day = Number(found[1]);
  const month = found[2] ? Number(found[2]) : thisMonth;
  const year = found[3] ? Number(found[3]) + (found[3].length === 2 ? 2000 : 0) : thisYear;
  const at = new Date(Date.UTC(year, month - 1, day));
  // 31-02 would roll over into March.
  if (at.getUTCMonth() !== month - 1 || at.getUTCDate() !== day) return null;
  return `${year}-${two(month)}-${two(day)}`;
}

/** `2026-11-26` as `26-11-2026`. */
export const showDay = (iso: string): string => iso.split("-").reverse().join("-");

/** Some days on, or back. */
export function addDays(iso: string, days: number): string {
  const at = new Date(`${iso}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10);
}

/** Every half hour of a stretch of the day, `09:00` to `20:30`; the end is `24:00` at the latest. */
export function halfHours(first: number, last: number): string[] {
  return Array.from({ length: (last - first) * 2 + 1 }, (_, n) => `${two(first + Math.floor(n / 2))}:${n % 2 ? "30" : "00"}`);
}

/** `14:30` as `2:30 pm`. */
export function showClock(time: string): string {
  const [hour, minute] = time.split(":").map(Number) as [number, number];
  return `${hour % 12 || 12}:${two(minute)} ${hour % 24 < 12 ? "am" : "pm"}`;
}
