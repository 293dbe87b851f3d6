import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import accountEn from "./account.en.json";
import accountHi from "./account.hi.json";
import adminEn from "./admin.en.json";
import adminHi from "./admin.hi.json";
import en from "./en.json";
import hi from "./hi.json";
import ownEn from "./own.en.json";
import ownHi from "./own.hi.json";

type Words = { [key: string]: string | Words };

function flat(words: Words, prefix = ""): Map<string, string> {
  const all = new Map<string, string>();
  for (const [key, value] of Object.entries(words)) {
    if (typeof value === "string") all.set(prefix + key, value);
    else for (const [below, text] of flat(value, `${prefix}${key}.`)) all.set(below, text);
  }
  return all;
}
const english = flat({ ...en, ...accountEn, ...adminEn, ...ownEn });
const hindi = flat({ ...hi, ...accountHi, ...adminHi, ...ownHi });

function sources(folder: string, leaveOut = "__generated__"): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return name === "__generated__" || name === leaveOut ? [] : sources(path, leaveOut);
    return /\.tsx?$/.test(name) && !name.includes(".test.") ? [readFileSync(path, "utf8")] : [];
  });
}
const code = sources(join(process.cwd(), "src")).join("\n");
const direct = [...code.matchAll(/\bt\(\s*"([^"]+)"/g)].map((found) => found[1] ?? "");
const chosen = [...code.matchAll(/\bt\([^()"]*\? "([\w.]+)" : "([\w.]+)"/g)].flatMap((found) => [found[1] ?? "", found[2] ?? ""]);
const used = new Set([...direct, ...chosen]);
const built = [...code.matchAll(/`([a-zA-Z]+(?:\.[a-zA-Z]+)*\.)\$\{/g)].map((found) => found[1] ?? "");
const has = (key: string): boolean => english.has(key) || english.has(`${key}_other`);

describe("words", () => {
  it("says everything in both languages", () => {
    expect([...hindi.keys()].sort()).toEqual([...english.keys()].sort());
  });

  it("fills the same places in both languages", () => {
    const places = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((found) => found[1]).sort();
    for (const [key, text] of english) expect(places(hindi.get(key) ?? ""), key).toEqual(places(text));
  });

  it("knows every key the screens ask for", () => {
    expect(used.size).toBeGreaterThan(300);
    expect([...used].filter((key) => !has(key))).toEqual([]);
  });

  it("keeps no key that nobody asks for", () => {
    const unused = [...english.keys()].filter((key) => {
      const base = key.replace(/_(one|other)$/, "");
      return !used.has(base) && !code.includes(`"${base}"`) && !built.some((prefix) => base.startsWith(prefix));
    });
    const byList = new Set(["leadStatus", "priority", "trunkPreset", "trunkAuth", "numberFormat", "auditReason"]);
    expect(unused.filter((key) => !byList.has(key.split(".")[0] ?? ""))).toEqual([]);
  });

  it("keeps the words of the set-up pages out of everybody's first load", () => {
    const own = Object.keys(adminEn);
    const outside = sources(join(process.cwd(), "src"), "admin").join("\n");
    const borrowed = own.filter((prefix) => new RegExp(`\\bt\\(["\`]${prefix}\\.`).test(outside));
    expect(borrowed).toEqual([]);
  });

  it("writes Hindi in Devanagari", () => {
    const latin = [...hindi].filter(([key, text]) => !/[ऀ-ॿ]/.test(text) && text !== english.get(key));
    expect(latin).toEqual([]);
  });
});
