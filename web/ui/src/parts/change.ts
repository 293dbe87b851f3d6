/** A change of a lead as the audit trail tells it: an action, then what each field was and is. Pure. */

export interface FieldChange {
  field: string;
  from: string | null;
  to: string | null;
}

const shown = (value: unknown): string | null => (value === null || value === undefined || value === "" ? null : typeof value === "object" ? JSON.stringify(value) : String(value));

export function changeOf(text: string): { action: string; fields: FieldChange[] } {
  const [action = "", ...rest] = text.split(" ");
  let detail: unknown;
  try {
    detail = JSON.parse(rest.join(" ") || "{}");
  } catch {
    return { action: text, fields: [] };
  }
  if (typeof detail !== "object" || detail === null) return { action, fields: [] };
  const fields = Object.entries(detail as Record<string, unknown>).flatMap(([field, change]) => {
    if (typeof change !== "object" || change === null || !("to" in change)) return [];
    const { from, to } = change as { from?: unknown; to: unknown };
    return [{ field, from: shown(from), to: shown(to) }];
  });
  return { action, fields };
}
