/** Reading numbers as people write them. The rules for every country load only where a number is typed. */

export interface ParsedPhone {
  e164: string;
  shown: string;
}

/** The number meant by pasted text, Indian unless it says otherwise; null while it is none. */
export async function parsePhone(text: string, country: "IN" = "IN"): Promise<ParsedPhone | null> {
  const { default: parse } = await import("libphonenumber-js/min");
  const found = parse(tidy(text), country);
  if (!found?.isValid()) return null;
  return { e164: found.number, shown: found.formatInternational() };
}

/** Pasted numbers bring labels, brackets, odd spaces and Devanagari digits. */
export function tidy(text: string): string {
  const latin = text.replace(/[०-९]/g, (digit) => String(digit.charCodeAt(0) - 0x0966));
  const trimmed = latin.replace(/^\s*(tel:|mob(ile)?|ph(one)?|call)[\s.:-]*/i, "").trim();
  return trimmed.replace(/^00(?=[1-9])/, "+");
}

/** What to search by: the last ten digits when the text looks like a number, else the text. */
export function searchTerm(text: string): string {
  const wanted = tidy(text);
  const digits = wanted.replace(/\D/g, "");
  const looksLikeNumber = digits.length >= 4 && /^[+\d\s().-]+$/.test(wanted);
  if (!looksLikeNumber) return wanted;
  return digits.length > 10 ? digits.slice(-10) : digits.replace(/^0+/, "");
}
