import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CATALOGUE, meet, refusal } from "./keyCatalogue";

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return name === "__generated__" ? [] : sources(path);
    return /\.tsx?$/.test(name) && !/\.test\.|keyCatalogue/.test(name) ? [readFileSync(path, "utf8")] : [];
  });
}
const press = (code: string, held: Partial<{ ctrlKey: boolean; shiftKey: boolean; altKey: boolean }> = {}) => ({ code, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...held });
const of = (id: string) => {
  const found = CATALOGUE.find((one) => one.id === id);
  if (!found) throw new Error(id);
  return found;
};

describe("the catalogue of keys", () => {
  it("lists every key that a screen listens to, with the same keys", () => {
    const code = sources(join(process.cwd(), "src")).join("\n");
    const literal = [...code.matchAll(/\{\s*id: "([\w.]+)",(?:(?!\bid: )[\s\S])*?keys: (\[[^\]]*\])/g)].map(([, id, keys]) => [id ?? "", keys ?? ""] as const);
    expect(literal.length).toBeGreaterThan(15);
    for (const [id, keys] of literal) expect([id, [...of(id).keys]]).toEqual([id, JSON.parse(keys)]);
    const listed = new Set(CATALOGUE.map((one) => one.id));
    const named = [...code.matchAll(/\bid: "([\w]+\.[\w.]+)"/g)].map((found) => found[1] ?? "");
    expect(named.filter((id) => !listed.has(id) && !/^(page)\./.test(id))).toEqual([]);
  });

  it("has no two keys of its own that could mean two things at once", () => {
    for (const one of CATALOGUE) {
      // J and K move in the queue while K is the keypad of a call: the call screen covers the queue then.
      const clash = CATALOGUE.filter((other) => other.id !== one.id && meet(one.place, other.place) && one.keys.some((key) => other.keys.includes(key)));
      expect([one.id, clash.map((other) => other.id).filter((id) => ![one.id, id].includes("call.keypad"))]).toEqual([one.id, []]);
    }
  });

  it("refuses what is taken and names it", () => {
    expect(refusal(of("call.mute"), press("KeyH"), false, {})).toEqual({ why: "taken", by: of("call.hold") });
    expect(refusal(of("call.mute"), press("KeyH"), false, { "call.hold": "KeyU" })).toBeNull();
    expect(refusal(of("lead.edit"), press("KeyM"), false, {})).toEqual({ why: "taken", by: of("call.mute") });
    // Another page's key is free here.
    expect(refusal(of("lead.edit"), press("KeyN"), false, {})).toBeNull();
  });

  it("refuses Alt, AltGr, what the browser needs, and a bare key that ends a call", () => {
    expect(refusal(of("call.mute"), press("KeyU", { altKey: true }), false, {})).toEqual({ why: "alt" });
    expect(refusal(of("call.mute"), press("KeyU"), true, {})).toEqual({ why: "alt" });
    expect(refusal(of("call.mute"), press("KeyW", { ctrlKey: true }), false, {})).toEqual({ why: "browser" });
    expect(refusal(of("call.mute"), press("ShiftLeft", { shiftKey: true }), false, {})).toEqual({ why: "modifier" });
    expect(refusal(of("call.hangup"), press("KeyU"), false, {})).toEqual({ why: "needsCtrl" });
    expect(refusal(of("call.hangup"), press("KeyU", { ctrlKey: true }), false, {})).toBeNull();
  });
});
