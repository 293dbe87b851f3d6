import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type CallEvent, type CallRecord, applyEvent, emptyRecord } from "./record";

interface Fixture {
  name: string;
  events: { at_ms: number; event: CallEvent }[];
  expected: CallRecord;
}

const folder = join(process.cwd(), "../../tests/data/events");
const fixtures = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Fixture);

const fold = (events: Fixture["events"], twice = false): CallRecord => {
  const first = events[0]?.event;
  if (!first) throw new Error("a fixture without events");
  return events.reduce((record, { at_ms, event }) => {
    const next = applyEvent(record, event, at_ms);
    return twice && event.kind !== "gap" ? applyEvent(next, event, at_ms) : next;
  }, emptyRecord(first.tenant, first.call));
};

describe("the fold of a call's events", () => {
  it("has fixtures to agree on", () => expect(fixtures.length).toBeGreaterThan(5));

  it.each(fixtures)("gives the record the switch gives: $name", ({ events, expected }) => {
    expect(fold(events)).toEqual(expected);
  });

  it.each(fixtures)("changes nothing when an event comes twice: $name", ({ events, expected }) => {
    expect(fold(events, true)).toEqual(expected);
  });

  it("ignores the events of another call", () => {
    const record = emptyRecord("t", "a");
    expect(applyEvent(record, { v: 1, tenant: "t", call: "b", kind: "gap", lost: 3 }, 0)).toBe(record);
  });
});
