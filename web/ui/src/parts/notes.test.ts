import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { NOTES_MAX, forgetNotes, useSavedNotes } from "./notes";

const CALL = "018f";
const kept = () => localStorage.getItem(`telehub.notes.${CALL}`);
const open = (save: (text: string) => Promise<unknown>, known: string | null = null) => renderHook(() => useSavedNotes(CALL, known, save));
const wait = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
});
afterEach(() => vi.useRealTimers());

/** HUD-07: what was written is never lost. */
describe("notes of a call", () => {
  it("are kept on this computer with every stroke and sent when the hand rests", async () => {
    const save = vi.fn(async () => undefined);
    const { result } = open(save);
    act(() => result.current.change("Wants"));
    act(() => result.current.change("Wants the brochure"));
    expect(kept()).toBe("Wants the brochure");
    expect(result.current.state).toBe("local");
    expect(save).not.toHaveBeenCalled();
    await wait(1_300);
    expect(save.mock.calls).toEqual([["Wants the brochure"]]);
    expect(result.current.state).toBe("saved");
    expect(kept()).toBeNull();
  });

  it("are sent within ten seconds even while somebody goes on typing", async () => {
    const save = vi.fn(async () => undefined);
    const { result } = open(save);
    for (let second = 0; second < 11; second += 1) {
      act(() => result.current.change("x".repeat(second + 1)));
      await wait(1_000);
    }
    expect(save).toHaveBeenCalled();
  });

  it("are sent again and again until the server has them", async () => {
    let failing = true;
    const save = vi.fn(async () => {
      if (failing) throw new Error("no network");
    });
    const { result } = open(save);
    act(() => result.current.change("Call after six"));
    await wait(1_300);
    expect(result.current.state).toBe("failed");
    expect(kept()).toBe("Call after six");
    await wait(2_100);
    await wait(4_100);
    expect(save).toHaveBeenCalledTimes(3);
    failing = false;
    await wait(8_100);
    expect(result.current.state).toBe("saved");
    expect(kept()).toBeNull();
    await wait(60_000);
    expect(save).toHaveBeenCalledTimes(4);
  });

  it("are sent at once when the network is back", async () => {
    let failing = true;
    const { result } = open(async () => {
      if (failing) throw new Error("no network");
    });
    act(() => result.current.change("Back"));
    await wait(1_300);
    failing = false;
    act(() => void window.dispatchEvent(new Event("online")));
    await wait(0);
    expect(result.current.state).toBe("saved");
  });

  it("come back from a killed tab and win over what the server had", async () => {
    localStorage.setItem(`telehub.notes.${CALL}`, "newer");
    const save = vi.fn(async () => undefined);
    const { result } = open(save, "older");
    expect(result.current.text).toBe("newer");
    await wait(0);
    expect(save).toHaveBeenCalledWith("newer");
  });

  it("that were not sent are sent when the screen closes, and stay kept when that fails", async () => {
    const save = vi.fn(async () => {
      throw new Error("no network");
    });
    const { result, unmount } = open(save);
    act(() => result.current.change("Unsent"));
    unmount();
    expect(save).toHaveBeenCalledWith("Unsent");
    await wait(60_000);
    expect(save).toHaveBeenCalledTimes(1);
    expect(kept()).toBe("Unsent");
  });

  it("typed while a save is under way are not taken for saved", async () => {
    let finish = () => undefined as void;
    const save = vi.fn(() => new Promise<void>((done) => (finish = done)));
    const { result } = open(save);
    act(() => result.current.change("first"));
    await wait(1_300);
    act(() => result.current.change("first and second"));
    await act(async () => finish());
    expect(result.current.state).not.toBe("saved");
    expect(kept()).toBe("first and second");
    await wait(1_300);
    expect(save).toHaveBeenLastCalledWith("first and second");
  });

  it("are no longer than the server takes, whole characters only", () => {
    const { result } = open(async () => undefined);
    act(() => result.current.change("क".repeat(NOTES_MAX + 5)));
    expect([...result.current.text]).toHaveLength(NOTES_MAX);
    expect(forgetNotes(CALL)).toBe(true);
    expect(kept()).toBeNull();
  });
});
