import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AUDIT_ACTIONS, wordsOf } from "@/features/admin/audit/actions";
import words from "@/i18n/admin.en.json";

function rust(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return rust(path);
    return name.endsWith(".rs") ? [readFileSync(path, "utf8")] : [];
  });
}
const server = ["../src", "../../crm/src", "../../app"].flatMap((folder) => rust(join(process.cwd(), folder))).join("\n");
/** Named like actions: fields of a request, and what is written down but not listed. */
const OTHER = new Set(["settings.codecs", "settings.hosts", "settings.source_cidrs", "settings.certificate_names", "lead.viewed"]);

describe("audit actions", () => {
  it("are all that the server writes", () => {
    const nouns = new Set(AUDIT_ACTIONS.map((action) => action.split(".")[0]));
    const named = [...server.matchAll(/"([a-z_]+)\.[a-z_]+"/g)].filter(([, noun]) => nouns.has(noun ?? "")).map(([text]) => text.slice(1, -1));
    const written = new Set(named.filter((name) => !OTHER.has(name)));
    expect(written.size).toBeGreaterThan(50);
    expect([...written].filter((action) => !(AUDIT_ACTIONS as readonly string[]).includes(action))).toEqual([]);
  });

  it("have words each, and no words are left over", () => {
    const keys = Object.keys(words.auditAction).map((key) => `auditAction.${key}`);
    expect(keys.sort()).toEqual(AUDIT_ACTIONS.map(wordsOf).sort());
  });
});
