/** How this computer sounds. Kept here and not with the account: loudspeakers belong to a desk, not to a person. */
import { readLocal, writeLocal } from "@/lib/storage";
import { createStore } from "@/lib/store";
import { KINDS, type Kind } from "@/features/sound/score";

export interface Voice {
  on: boolean;
  /** 0 to 1. */
  volume: number;
}

export interface SoundSettings {
  voices: Readonly<Record<Kind, Voice>>;
  /** Where it rings, as the browser names it; empty: where everything else sounds. */
  ringDevice: string;
}

const KEY = "telehub.sound";
export const USUAL: SoundSettings = { voices: { ring: { on: true, volume: 0.7 }, connected: { on: true, volume: 0.4 } }, ringDevice: "" };

/** What was kept, and the usual wherever that says nothing sensible. */
export function readSettings(text: string | null): SoundSettings {
  let kept: Partial<{ voices: Partial<Record<Kind, Partial<Voice>>>; ringDevice: unknown }> = {};
  try {
    const parsed: unknown = JSON.parse(text ?? "{}");
    if (typeof parsed === "object" && parsed !== null) kept = parsed;
  } catch {
    // As if nothing had been kept.
  }
  const voice = (kind: Kind): Voice => {
    const { on, volume } = kept.voices?.[kind] ?? {};
    const usual = USUAL.voices[kind];
    return { on: typeof on === "boolean" ? on : usual.on, volume: typeof volume === "number" && volume >= 0 && volume <= 1 ? volume : usual.volume };
  };
  return { voices: Object.fromEntries(KINDS.map((kind) => [kind, voice(kind)])) as Record<Kind, Voice>, ringDevice: typeof kept.ringDevice === "string" ? kept.ringDevice : "" };
}

export const soundSettings = createStore<SoundSettings>(readSettings(readLocal(KEY)));

// Another tab of this computer changed them.
if (typeof window !== "undefined") window.addEventListener("storage", (event) => (event.key === KEY ? soundSettings.set(readSettings(event.newValue)) : undefined));

export function setVoice(kind: Kind, change: Partial<Voice>): void {
  keep({ ...soundSettings.get(), voices: { ...soundSettings.get().voices, [kind]: { ...soundSettings.get().voices[kind], ...change } } });
}

export function setRingDevice(ringDevice: string): void {
  keep({ ...soundSettings.get(), ringDevice });
}

function keep(next: SoundSettings): void {
  soundSettings.set(next);
  writeLocal(KEY, JSON.stringify(next));
}
