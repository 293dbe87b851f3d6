import { afterEach, describe, expect, it, vi } from "vitest";
import { register, unregister } from "@/lib/actions";
import { REST_MS, createThrottle, installKeyboard } from "./keyboard";

const owner = Symbol("test");
afterEach(() => unregister(owner));

const press = (init: KeyboardEventInit) => window.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init }));

describe("the keyboard's throttle", () => {
  it("lets an act on a call through once, and again after a rest", () => {
    const mayRun = createThrottle();
    const mute = { id: "call.mute", rests: true };
    expect([0, REST_MS - 1, REST_MS].map((at) => mayRun(mute, at))).toEqual([true, false, true]);
    expect(mayRun({ id: "call.hold", rests: true }, REST_MS)).toBe(true);
    expect([0, 1].map((at) => mayRun({ id: "call.digit.1" }, at))).toEqual([true, true]);
  });

  it("acts once on a key that is held or pressed twice in haste", () => {
    const stop = installKeyboard();
    const mute = vi.fn();
    const digit = vi.fn();
    register(owner, [
      { id: "call.mute", label: "", group: "", keys: ["KeyM"], rests: true, run: mute },
      { id: "call.digit.1", label: "", group: "", keys: ["Digit1"], run: digit },
    ]);
    press({ code: "KeyM" });
    press({ code: "KeyM", repeat: true });
    press({ code: "KeyM" });
    press({ code: "Digit1" });
    press({ code: "Digit1" });
    expect(mute).toHaveBeenCalledTimes(1);
    expect(digit).toHaveBeenCalledTimes(2);
    stop();
  });

  it("leaves Alt and AltGr to the browser and to letters, and composing to the writer", () => {
    const stop = installKeyboard();
    const run = vi.fn();
    register(owner, [{ id: "call.mute", label: "", group: "", keys: ["KeyM", "Alt+KeyM"], run }]);
    press({ code: "KeyM", altKey: true });
    press({ code: "KeyM", modifierAltGraph: true });
    press({ code: "KeyM", isComposing: true });
    expect(run).not.toHaveBeenCalled();
    press({ code: "KeyM", key: "म" });
    expect(run).toHaveBeenCalledTimes(1);
    stop();
  });
});
