/** Commands of the mounted screens: one entry serves the hotkey, the palette, the sheet and the button. */
import { createStore } from "@/lib/store";

export interface Action {
  /** Noun and verb: `call.hangup`. */
  id: string;
  /** In the reader's language. */
  label: string;
  /** Heading in the palette and the sheet. */
  group: string;
  /** Physical keys, as `Ctrl+Shift+KeyE` or `KeyJ`; any of them runs it. */
  keys?: readonly string[];
  /** Why it cannot run now, shown wherever the action is. */
  disabledReason?: string | null;
  /** Runs again while the key is held down. */
  repeats?: boolean;
  /** Acts on a call: rests for a moment after it ran, so that a key that bounces or is pressed twice in haste acts once. */
  rests?: boolean;
  /** Stays alive below an open dialog. */
  global?: boolean;
  /** 0: a page; 1: what lies above pages and works over them. */
  layer?: 0 | 1;
  /** Kept out of the palette: it needs the place it belongs to. */
  unlisted?: boolean;
  run: () => void;
}

export interface KeyPress {
  code: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
  repeat: boolean;
  isComposing: boolean;
  target: EventTarget | null;
  getModifierState?: (key: string) => boolean;
}

export type Match =
  | { kind: "none" }
  | { kind: "ambiguous"; ids: string[] }
  | { kind: "blocked"; action: Action; reason: string }
  | { kind: "run"; action: Action };

type Registered = ReadonlyMap<symbol, readonly Action[]>;

export const registered = createStore<Registered>(new Map());
const live = new Map<symbol, readonly Action[]>();

/** What an observer of the registry can see; `run` may change on every render without a notice. */
function face(actions: readonly Action[]): string {
  return JSON.stringify(actions.map((a) => [a.id, a.label, a.group, a.keys ?? [], a.disabledReason ?? null, a.unlisted ?? false]));
}

/** Adds or renews the actions of one screen. */
export function register(owner: symbol, actions: readonly Action[]): void {
  const before = live.get(owner);
  live.set(owner, actions);
  if (!before || face(before) !== face(actions)) registered.set(new Map(live));
}

/** Takes a screen's actions away. */
export function unregister(owner: symbol): void {
  if (live.delete(owner)) registered.set(new Map(live));
}

/** Everything that can be asked for now, newest screen last. */
export function currentActions(): Action[] {
  return [...live.values()].flat().filter((action) => covers === 0 || action.layer === 1 || action.global);
}

let modals = 0;
let covers = 0;

/** A dialog is open: the screens below it go deaf until the returned function is called. */
export function holdForModal(): () => void {
  modals += 1;
  return () => {
    modals -= 1;
  };
}

/** Something covers the page: the page's own keys rest, those of layer 1 go on. */
export function coverPage(): () => void {
  covers += 1;
  return () => {
    covers -= 1;
  };
}

function isAwake(action: Action): boolean {
  if (action.global) return true;
  return modals === 0 && (covers === 0 || action.layer === 1);
}

/** Keys that somebody chose instead of the desk's own: by the action's id; empty means none. */
export const chosenKeys = createStore<Readonly<Record<string, string>>>({});

/** The keys that run an action now. */
export function keysOf({ id, keys }: Pick<Action, "id" | "keys">, chosen = chosenKeys.get()): readonly string[] {
  const own = chosen[id];
  if (own === undefined) return keys ?? [];
  return own === "" ? [] : [own];
}

const SINGLE_KEYS_OFF = "telehub.singleKeysOff";
/** Single-letter keys can be switched off (WCAG 2.1.4). */
export const singleKeys = createStore(typeof localStorage === "undefined" || localStorage.getItem(SINGLE_KEYS_OFF) !== "1");
export function setSingleKeys(on: boolean): void {
  singleKeys.set(on);
  try {
    localStorage.setItem(SINGLE_KEYS_OFF, on ? "0" : "1");
  } catch {
    // Lasts for this page only.
  }
}

/** The name of the pressed combination, keypad digits counted as digits. */
export function comboOf(press: Pick<KeyPress, "code" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">): string {
  const code = press.code.replace(/^Numpad(?=\d$)/, "Digit").replace(/^NumpadEnter$/, "Enter");
  const held = [];
  if (press.ctrlKey || press.metaKey) held.push("Ctrl");
  if (press.altKey) held.push("Alt");
  if (press.shiftKey) held.push("Shift");
  return [...held, code].join("+");
}

const TYPING = "input:not([type=checkbox]):not([type=radio]):not([type=button]):not([type=range]), textarea, select, [contenteditable=true]";
/** Is this a place where a letter is a letter? */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest(TYPING) !== null;
}

const PRESSABLE = "button, a[href], summary, [role=button], [role=tab], [role=menuitem], [role=option], audio";

/** What a key press means now. Two actions on one key: neither runs. */
export function match(press: KeyPress, actions: readonly Action[] = currentActions()): Match {
  if (press.isComposing || press.code === "") return { kind: "none" };
  // Alt belongs to the browser's menus, AltGr to the letters of many keyboards.
  if (press.altKey || press.getModifierState?.("AltGraph")) return { kind: "none" };
  const combo = comboOf(press);
  const chord = press.ctrlKey || press.metaKey;
  if (!chord && !/^F\d+$/.test(press.code)) {
    if (isTyping(press.target) || !singleKeys.get()) return { kind: "none" };
    const pressable = press.target instanceof Element && press.target.closest(PRESSABLE) !== null;
    if (pressable && (combo === "Enter" || combo === "Space")) return { kind: "none" };
  }
  const found = actions.filter((action) => keysOf(action).includes(combo) && isAwake(action));
  const action = found[0];
  if (!action) return { kind: "none" };
  if (found.length > 1) return { kind: "ambiguous", ids: found.map((a) => a.id) };
  if (press.repeat && !action.repeats) return { kind: "none" };
  if (action.disabledReason) return { kind: "blocked", action, reason: action.disabledReason };
  return { kind: "run", action };
}

const SHOWN: Record<string, string> = {
  Slash: "/",
  Enter: "Enter",
  Escape: "Esc",
  Period: ".",
  Comma: ",",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Backslash: "\\",
};

/** `Ctrl+Shift+KeyE` as people read it: `Ctrl Shift E`. */
export function keyNames(combo: string): string[] {
  if (combo === "Shift+Slash") return ["?"];
  return combo.split("+").map((part) => SHOWN[part] ?? part.replace(/^(Key|Digit)/, ""));
}
