/** What an entry of the audit trail says besides its action: only what is known, and of a change only what differs. */

export interface AuditFact {
  /** Name of the field, as the server has it. */
  field: string;
  /** What it was, where the entry tells a change. */
  from?: unknown;
  to: unknown;
}

type Pairs = Record<string, unknown>;
const isPairs = (value: unknown): value is Pairs => typeof value === "object" && value !== null && !Array.isArray(value);
const isNothing = (value: unknown): boolean => value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0) || (isPairs(value) && Object.keys(value).length === 0);
const same = (a: unknown, b: unknown): boolean => (isNothing(a) && isNothing(b)) || JSON.stringify(a) === JSON.stringify(b);

/** Whether a secret was among what changed; that it was not is no news. */
const FLAGS = new Set(["password", "secret", "everywhere"]);

/** The names a thing is told by elsewhere on the line. */
const ELSEWHERE = new Set(["lead", "trunk", "trunks"]);

export function factsOf(detail: unknown): AuditFact[] {
  const { before, after, ...rest } = isPairs(detail) ? detail : {};
  const changed = isPairs(before) && isPairs(after) ? differences(before, after) : [];
  if ("from" in rest && "to" in rest) return [{ field: "outcome", from: rest.from, to: rest.to }];
  return [...changed, ...Object.entries(rest).flatMap(([field, value]) => facts(field, value))];
}

function facts(field: string, value: unknown): AuditFact[] {
  if (isNothing(value) || ELSEWHERE.has(field) || (FLAGS.has(field) && value === false)) return [];
  if (!isPairs(value)) return [{ field, to: value }];
  if ("from" in value && "to" in value) return same(value.from, value.to) ? [] : [{ field, from: value.from, to: value.to }];
  return Object.entries(value).flatMap(([below, one]) => facts(below, one));
}

function differences(before: Pairs, after: Pairs): AuditFact[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((field) => {
    const [from, to] = [before[field], after[field]];
    if (same(from, to)) return [];
    return isPairs(from) && isPairs(to) ? differences(from, to) : [{ field, from, to }];
  });
}
