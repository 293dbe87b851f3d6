import { afterEach, describe, expect, it } from "vitest";
import { type Action, type KeyPress, comboOf, coverPage, holdForModal, keyNames, match, setSingleKeys } from "./actions";

const press = (code: string, more: Partial<KeyPress> = {}): KeyPress => ({
  code,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  repeat: false,
  isComposing: false,
  target: document.body,
  ...more,
});
const action = (id: string, keys: string[], more: Partial<Action> = {}): Action => ({ id, label: id, group: "g", keys, run: () => {}, ...more });

afterEach(() => setSingleKeys(true));

describe("keyboard", () => {
  const mute = action("call.mute", ["KeyM"]);

  it("finds the action of a physical key", () => {
    expect(match(press("KeyM"), [mute])).toEqual({ kind: "run", action: mute });
    expect(match(press("KeyH"), [mute]).kind).toBe("none");
  });

  it("is dead for single keys in a text field and alive for chords", () => {
    const field = document.body.appendChild(document.createElement("textarea"));
    expect(match(press("KeyM", { target: field }), [mute]).kind).toBe("none");
    const save = action("note.save", ["Ctrl+Enter"]);
    expect(match(press("Enter", { ctrlKey: true, target: field }), [save]).kind).toBe("run");
    field.remove();
  });

  it("is dead while composing", () => {
    expect(match(press("KeyM", { isComposing: true }), [mute]).kind).toBe("none");
  });

  it("runs nothing when two actions claim a key", () => {
    const other = action("call.mark", ["KeyM"]);
    expect(match(press("KeyM"), [mute, other])).toEqual({ kind: "ambiguous", ids: ["call.mute", "call.mark"] });
  });

  it("says why a blocked action did not run", () => {
    const blocked = action("call.hold", ["KeyH"], { disabledReason: "not answered yet" });
    expect(match(press("KeyH"), [blocked])).toEqual({ kind: "blocked", action: blocked, reason: "not answered yet" });
  });

  it("leaves Enter to a focused button", () => {
    const button = document.body.appendChild(document.createElement("button"));
    const open = action("lead.open", ["Enter"]);
    expect(match(press("Enter", { target: button }), [open]).kind).toBe("none");
    expect(match(press("Enter"), [open]).kind).toBe("run");
    button.remove();
  });

  it("ignores a held key except where repeating is wanted", () => {
    expect(match(press("KeyM", { repeat: true }), [mute]).kind).toBe("none");
    const next = action("queue.next", ["KeyJ"], { repeats: true });
    expect(match(press("KeyJ", { repeat: true }), [next]).kind).toBe("run");
  });

  it("goes deaf below a dialog, but for global actions", () => {
    const release = holdForModal();
    const hangup = action("call.hangup", ["Ctrl+Shift+KeyE"], { global: true });
    expect(match(press("KeyM"), [mute]).kind).toBe("none");
    expect(match(press("KeyE", { ctrlKey: true, shiftKey: true }), [hangup]).kind).toBe("run");
    release();
    expect(match(press("KeyM"), [mute]).kind).toBe("run");
  });

  it("lets what covers a page work and the page rest", () => {
    const uncover = coverPage();
    expect(match(press("KeyM"), [mute]).kind).toBe("none");
    const keypad = action("call.keypad", ["KeyM"], { layer: 1 });
    expect(match(press("KeyM"), [mute, keypad])).toEqual({ kind: "run", action: keypad });
    uncover();
    expect(match(press("KeyM"), [mute]).kind).toBe("run");
  });

  it("lets single keys be switched off and keeps chords", () => {
    setSingleKeys(false);
    expect(match(press("KeyM"), [mute]).kind).toBe("none");
    expect(match(press("KeyK", { ctrlKey: true }), [action("palette", ["Ctrl+KeyK"])]).kind).toBe("run");
  });

  it("counts keypad digits as digits and Command as Ctrl", () => {
    expect(comboOf(press("Numpad3"))).toBe("Digit3");
    expect(comboOf(press("KeyK", { metaKey: true }))).toBe("Ctrl+KeyK");
    expect(keyNames("Ctrl+Shift+KeyE")).toEqual(["Ctrl", "Shift", "E"]);
    expect(keyNames("Shift+Slash")).toEqual(["?"]);
  });
});
