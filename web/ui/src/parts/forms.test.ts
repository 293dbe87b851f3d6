import i18next from "i18next";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Problem } from "@/api/problem";
import { setLanguage, startWords } from "@/i18n";
import { applyProblem } from "./forms";

const taken = new Problem(422, { title: "No", errors: [{ field: "number", code: "taken", message: "is the emergency number" }, { field: "odd", code: "odd", message: "is odd" }] });

describe("what the server refuses", () => {
  beforeAll(() => startWords());
  afterEach(() => setLanguage("en"));

  it("is told in the reader's language where there are words for it", async () => {
    await setLanguage("hi");
    const set = vi.fn();
    applyProblem(taken, set, ["number"]);
    expect(set).toHaveBeenCalledWith("number", { message: i18next.t("refusal.taken") });
    expect(set).toHaveBeenCalledWith("root", { message: "odd: Is odd" });
  });

  it("is told in the server's own words in English", async () => {
    await setLanguage("en");
    const set = vi.fn();
    applyProblem(taken, set, ["number"]);
    expect(set).toHaveBeenCalledWith("number", { message: "Is the emergency number" });
  });
});
