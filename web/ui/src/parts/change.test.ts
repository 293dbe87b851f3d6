import { describe, expect, it } from "vitest";
import { changeOf } from "./change";
import { spansOf, stepsOf } from "./script";

describe("a change of a lead", () => {
  it("is read field by field", () => {
    const text = 'lead.updated {"status":{"from":"new","to":"interested"},"email":{"from":null,"to":"a b@c.in"}}';
    expect(changeOf(text)).toEqual({
      action: "lead.updated",
      fields: [
        { field: "status", from: "new", to: "interested" },
        { field: "email", from: null, to: "a b@c.in" },
      ],
    });
  });

  it("stays what it is when it cannot be read", () => {
    expect(changeOf("lead.created {}")).toEqual({ action: "lead.created", fields: [] });
    expect(changeOf("somebody said {something")).toEqual({ action: "somebody said {something", fields: [] });
    expect(changeOf("")).toEqual({ action: "", fields: [] });
  });
});

describe("a script", () => {
  it("stresses what stands between stars and lists what begins with a dash", () => {
    expect(spansOf("about **Maths**. Two minutes?")).toEqual([
      { text: "about ", strong: false },
      { text: "Maths", strong: true },
      { text: ". Two minutes?", strong: false },
    ]);
    expect(spansOf("2 ** 3")).toEqual([{ text: "2 ** 3", strong: false }]);
    expect(stepsOf("# Questions\n- Who?\n- When?", { lead: null, agent: null, company: null })).toEqual([{ heading: "Questions", text: "• Who?\n• When?" }]);
  });
});
