import { describe, expect, it } from "vitest";
import { sameAsked } from "./api";

describe("saved views", () => {
  it("sees a changed filter, and none where only the order differs", () => {
    expect(sameAsked({ q: "asha", status: "new" }, { status: "new", q: "asha" })).toBe(true);
    expect(sameAsked({ q: "asha" }, { q: "asha", status: "" })).toBe(true);
    expect(sameAsked({ q: "asha" }, {})).toBe(false);
    expect(sameAsked({ q: "asha" }, { q: "ravi" })).toBe(false);
    expect(sameAsked({ q: "asha" }, { status: "asha" })).toBe(false);
  });
});
