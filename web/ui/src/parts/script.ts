/** Scripts: steps parted by blank lines, `#` begins a heading, `{{lead.name}}` is filled in. Pure. */
import type { Lead } from "@/api/types";

export interface ScriptStep {
  heading: string | null;
  text: string;
}

export interface ScriptFacts {
  lead: Pick<Lead, "name" | "organisation" | "metadata"> | null;
  agent: string | null;
  company: string | null;
}

function lookUp(path: string, facts: ScriptFacts): string | null {
  const [head, ...rest] = path.split(".");
  const key = rest.join(".");
  if (head === "agent") return facts.agent;
  if (head === "tenant" || head === "company") return facts.company;
  if (head !== "lead" || !facts.lead) return null;
  if (key === "name") return facts.lead.name;
  if (key === "first_name") return facts.lead.name.split(/\s+/)[0] ?? null;
  if (key === "organisation") return facts.lead.organisation ?? null;
  const value = (facts.lead.metadata as Record<string, unknown> | undefined)?.[key.replace(/^metadata\./, "")];
  return typeof value === "string" || typeof value === "number" ? String(value) : null;
}

/** What is not known stays visible as a blank to be asked for. */
export function fillIn(text: string, facts: ScriptFacts): string {
  return text.replace(/\{\{\s*([\w.]+)\s*\}\}/g, (_, path: string) => lookUp(path, facts) ?? "____");
}

/** Parts of a text, those between double stars to be stressed. */
export function spansOf(text: string): { text: string; strong: boolean }[] {
  return text
    .split(/\*\*(.+?)\*\*/g)
    .map((part, index) => ({ text: part, strong: index % 2 === 1 }))
    .filter((span) => span.text !== "");
}

export function stepsOf(body: string, facts: ScriptFacts): ScriptStep[] {
  const steps: ScriptStep[] = [];
  let heading: string | null = null;
  for (const block of body.replace(/\r\n?/g, "\n").split(/\n\s*\n/)) {
    const lines = block.split("\n").map((line) => line.trim());
    const first = lines[0] ?? "";
    if (first.startsWith("#")) {
      heading = fillIn(first.replace(/^#+\s*/, ""), facts);
      lines.shift();
    }
    const text = fillIn(lines.join("\n").trim(), facts).replace(/^[-*] /gm, "• ");
    if (text === "") continue;
    steps.push({ heading, text });
    heading = null;
  }
  if (heading !== null) steps.push({ heading, text: "" });
  return steps;
}
