import { describe, expect, it } from "vitest";
import { factsOf } from "./detail";

describe("details of the audit trail", () => {
  it("tells of a change of settings what differs, not all of them", () => {
    const before = { language: "en", calling: { daily_attempts: 3, countries: ["IN"], default_caller_id: null } };
    const after = { language: "en", calling: { daily_attempts: 5, countries: ["IN"], default_caller_id: "" } };
    expect(factsOf({ before, after })).toEqual([{ field: "daily_attempts", from: 3, to: 5 }]);
  });

  it("leaves out what was not given, and that no secret was changed", () => {
    expect(factsOf({ role: null, active: false, email: null, password: false })).toEqual([{ field: "active", to: false }]);
    expect(factsOf({ before: { port: 1 }, after: null, secret: true, enabled: null })).toEqual([{ field: "secret", to: true }]);
  });

  it("reads a pair as what was and what is", () => {
    expect(factsOf({ status: { from: "new", to: "contacted" }, email: { from: null, to: null } })).toEqual([{ field: "status", from: "new", to: "contacted" }]);
    expect(factsOf({ from: "BUSY", to: "INTERESTED" })).toEqual([{ field: "outcome", from: "BUSY", to: "INTERESTED" }]);
  });

  it("says nothing of nothing", () => {
    expect(factsOf({})).toEqual([]);
    expect(factsOf(null)).toEqual([]);
  });
});
