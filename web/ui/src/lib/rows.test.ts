import { describe, expect, it } from "vitest";
import { rowsInView, scrollFor } from "./rows";

describe("rows in view", () => {
  it("are those seen and ten beyond each edge, never more than there are", () => {
    expect(rowsInView(0, 500, 50, 1000)).toEqual({ first: 0, end: 20 });
    expect(rowsInView(5000, 500, 50, 1000)).toEqual({ first: 90, end: 120 });
    expect(rowsInView(49_500, 500, 50, 1000)).toEqual({ first: 980, end: 1000 });
    expect(rowsInView(0, 500, 50, 3)).toEqual({ first: 0, end: 3 });
    expect(rowsInView(0, 500, 50, 0)).toEqual({ first: 0, end: 0 });
  });

  it("stay in order when the list has become shorter than what is scrolled away", () => {
    expect(rowsInView(5000, 500, 50, 20)).toEqual({ first: 20, end: 20 });
  });

  it("draw a hundred thousand as cheaply as a hundred", () => {
    const { first, end } = rowsInView(3_000_000, 700, 68, 100_000);
    expect(end - first).toBeLessThan(35);
  });
});

describe("bringing a row into view", () => {
  it("moves nothing when it is seen, else as little as can be", () => {
    expect(scrollFor(3, 100, 500, 50)).toBe(100);
    expect(scrollFor(1, 100, 500, 50)).toBe(50);
    expect(scrollFor(12, 100, 500, 50)).toBe(150);
  });
});
