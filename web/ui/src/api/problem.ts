/** What went wrong with a request, in the form the server tells it (RFC 9457). */

export interface FieldProblem {
  field: string;
  /** What is wrong, for words of our own. */
  code: string;
  message: string;
}

export class Problem extends Error {
  readonly status: number;
  readonly type: string;
  readonly title: string;
  readonly detail: string | undefined;
  readonly fields: readonly FieldProblem[];
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, body: Record<string, unknown>) {
    const text = (key: string) => (typeof body[key] === "string" ? (body[key] as string) : undefined);
    const title = text("title") ?? `HTTP ${status}`;
    super(text("detail") ?? title);
    this.name = "Problem";
    this.status = status;
    this.type = text("type") ?? "about:blank";
    this.title = title;
    this.detail = text("detail");
    this.fields = Array.isArray(body.errors) ? (body.errors as Record<string, unknown>[]).map(fieldOf) : [];
    this.body = body;
  }

  /** No answer at all: offline, or the server is away. */
  get offline(): boolean {
    return this.status === 0;
  }
}

function fieldOf(raw: Record<string, unknown>): FieldProblem {
  const field = raw.field ?? raw.name ?? raw.pointer ?? "";
  const message = raw.message ?? raw.detail ?? raw.title ?? "";
  return { field: String(field).replace(/^[#/]+/, ""), code: String(raw.code ?? ""), message: String(message) };
}

/** The problem an answer carries, whatever its body is. */
export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => ({}));
  return new Problem(response.status, typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {});
}

/** Anything thrown, as a problem. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, { title: error instanceof Error ? error.message : String(error) });
}
