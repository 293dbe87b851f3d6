/** Every key of the desk, whether its screen is open now or not: what the editor of keys lists. A test holds it to the screens. */
import { comboOf, keysOf } from "@/lib/actions";

/** Where a key works. Two pages are never open together; a call, its outcome and what is everywhere lie above any page. */
type Place = "everywhere" | "call" | "outcome" | "form" | "queue" | "leads" | "lead";

export interface KeyEntry {
  id: string;
  /** Keys of its words; `values` fill their places. */
  label: string;
  values?: Readonly<Record<string, string>>;
  place: Place;
  keys: readonly string[];
  /** By itself it could be pressed by accident with grave effect: only with Ctrl. */
  needsCtrl?: boolean;
}

const entry = (place: Place, id: string, label: string, keys: readonly string[], more: Partial<KeyEntry> = {}): KeyEntry => ({ id, label, place, keys, ...more });

export const PLACES: readonly { place: Place; title: string }[] = [
  { place: "everywhere", title: "shell.general" },
  { place: "call", title: "hud.group" },
  { place: "outcome", title: "outcome.title" },
  { place: "queue", title: "queue.title" },
  { place: "leads", title: "keys.lists" },
  { place: "lead", title: "lead.group" },
  { place: "form", title: "keys.forms" },
];

export const CATALOGUE: readonly KeyEntry[] = [
  entry("everywhere", "palette.open", "shell.palette", ["Ctrl+KeyK"]),
  entry("everywhere", "shortcuts.open", "shell.shortcuts", ["Shift+Slash"]),
  entry("everywhere", "dial.open", "dial.title", ["KeyD"]),
  entry("everywhere", "agent.ready", "agent.goReady", ["Ctrl+Shift+Digit1"]),
  entry("everywhere", "agent.pause.break", "pause.break", []),
  entry("everywhere", "agent.pause.lunch", "pause.lunch", []),
  entry("everywhere", "agent.pause.meeting", "pause.meeting", []),
  entry("everywhere", "agent.pause.training", "pause.training", []),
  entry("everywhere", "agent.offline", "agent.goOffline", []),
  entry("call", "phone.answer", "phone.answer", ["KeyA"]),
  entry("call", "call.mute", "hud.mute", ["KeyM"]),
  entry("call", "call.hold", "hud.hold", ["KeyH"]),
  entry("call", "call.keypad", "hud.keypad", ["KeyK"]),
  entry("call", "call.pauseRecording", "hud.pauseRecording", []),
  entry("call", "call.screen", "hud.toggle", ["Backslash"]),
  entry("call", "call.hangup", "hud.hangup", ["Ctrl+Shift+KeyE"], { needsCtrl: true }),
  entry("outcome", "outcome.save", "outcome.save", ["Ctrl+Enter", "Enter"]),
  ...Array.from({ length: 9 }, (_, n) => entry("outcome", `outcome.key.${n + 1}`, "keys.outcome", [`Digit${n + 1}`], { values: { n: String(n + 1) } })),
  entry("outcome", "outcome.chord.INTERESTED", "disposition.INTERESTED", ["Ctrl+Digit1"]),
  entry("outcome", "outcome.chord.NOT_INTERESTED", "disposition.NOT_INTERESTED", ["Ctrl+Digit2"]),
  entry("outcome", "outcome.chord.CALLBACK", "disposition.CALLBACK", ["Ctrl+Digit3"]),
  entry("outcome", "outcome.chord.WRONG_NUMBER", "disposition.WRONG_NUMBER", ["Ctrl+Digit4"]),
  entry("queue", "queue.next", "queue.next", ["KeyJ", "ArrowDown"]),
  entry("queue", "queue.previous", "queue.previous", ["KeyK", "ArrowUp"]),
  entry("queue", "queue.open", "queue.open", ["Enter"]),
  entry("queue", "queue.call", "call.call", ["KeyC"]),
  entry("queue", "queue.search", "queue.search", ["Slash"]),
  entry("leads", "list.next", "keysList.next", ["KeyJ"]),
  entry("leads", "list.previous", "keysList.previous", ["KeyK"]),
  entry("leads", "leads.search", "leads.search", ["Slash"]),
  entry("leads", "leads.new", "leads.new", ["KeyN"]),
  entry("lead", "lead.call", "call.call", ["KeyC"]),
  entry("lead", "lead.edit", "lead.edit", ["KeyE"]),
  entry("lead", "lead.back", "ui.back", ["Escape"]),
  entry("lead", "note.save", "note.save", ["Ctrl+Enter"]),
  entry("form", "form.save", "ui.save", ["Ctrl+Enter"]),
];

const ABOVE: readonly Place[] = ["everywhere", "call"];
/** May both be awake at one moment? The outcome covers the page, and a form all but what is everywhere. */
export function meet(a: Place, b: Place): boolean {
  if (a === b) return true;
  if (ABOVE.includes(a) && ABOVE.includes(b)) return true;
  const [above, other] = ABOVE.includes(a) ? [a, b] : [b, a];
  return ABOVE.includes(above) && other !== "form";
}

export type Refusal = { why: "alt" | "modifier" | "browser" | "needsCtrl" } | { why: "taken"; by: KeyEntry };

const MODIFIERS = /^(Control|Shift|Alt|Meta|OS|CapsLock|Fn|NumLock)/;
/** What the browser keeps for itself, or what people write and copy with. */
const BROWSERS = new Set(["Ctrl+KeyW", "Ctrl+KeyT", "Ctrl+KeyN", "Ctrl+Shift+KeyW", "Ctrl+Shift+KeyT", "Ctrl+Shift+KeyN", "Ctrl+Tab", "Ctrl+Shift+Tab", "Tab", "Shift+Tab", "Ctrl+KeyC", "Ctrl+KeyV", "Ctrl+KeyX", "Ctrl+KeyA", "Ctrl+KeyZ", "Ctrl+KeyR", "F1", "F5", "F6", "F11", "F12"]);

type Press = Parameters<typeof comboOf>[0];

/** Nothing but a modifier is held: the key itself is still to come. */
export const isOnlyModifier = (press: Pick<Press, "code">): boolean => press.code === "" || MODIFIERS.test(press.code);

/** Why a key cannot be given to an action; null when it can. */
export function refusal(wanted: KeyEntry, press: Press, altGraph: boolean, chosen: Readonly<Record<string, string>>): Refusal | null {
  if (isOnlyModifier(press)) return { why: "modifier" };
  if (press.altKey || altGraph) return { why: "alt" };
  const combo = comboOf(press);
  if (BROWSERS.has(combo)) return { why: "browser" };
  if (wanted.needsCtrl && !combo.startsWith("Ctrl+")) return { why: "needsCtrl" };
  const by = CATALOGUE.find((one) => one.id !== wanted.id && meet(one.place, wanted.place) && keysOf(one, chosen).includes(combo));
  return by ? { why: "taken", by } : null;
}
