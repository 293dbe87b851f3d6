/** Plays on the loudspeakers what the score says: one audio context per sound, so that it may ring elsewhere than it beeps. */
import { type Kind, samplesOf } from "@/features/sound/score";
import { soundSettings } from "@/features/sound/settings";
import { createStore } from "@/lib/store";

/** `locked`: the browser lets nothing sound before somebody presses something on the page. */
export const audio = createStore<"none" | "locked" | "ready">(typeof AudioContext === "undefined" ? "none" : "locked");

interface Speaker {
  context: AudioContext;
  gain: GainNode;
  buffer: AudioBuffer;
  source: AudioBufferSourceNode | null;
}

const speakers = new Map<Kind, Speaker>();
/** In Chromium and Firefox a context can be sent to another device; the types do not know it yet. */
type Sendable = AudioContext & { sinkId?: string; setSinkId?: (id: string) => Promise<void> };

export const canChooseDevice = typeof AudioContext !== "undefined" && "setSinkId" in AudioContext.prototype;

function speakerOf(kind: Kind): Speaker {
  const known = speakers.get(kind);
  if (known) return known;
  const context = new AudioContext();
  const samples = samplesOf(kind, context.sampleRate);
  const buffer = context.createBuffer(1, samples.length, context.sampleRate);
  buffer.copyToChannel(samples, 0);
  const gain = context.createGain();
  gain.connect(context.destination);
  const made: Speaker = { context, gain, buffer, source: null };
  speakers.set(kind, made);
  return made;
}

/** Sends the ring where it was chosen to be; a device that is gone is no reason for silence. */
async function sendRing(context: Sendable): Promise<void> {
  const wanted = soundSettings.get().ringDevice;
  if (context.sinkId === wanted) return;
  await context.setSinkId?.(wanted).catch(() => (context.sinkId === "" ? undefined : context.setSinkId?.("")));
}

/** Begins a sound; `again` and again until it is stopped. Whether the browser let it. */
export async function play(kind: Kind, again: boolean): Promise<boolean> {
  if (audio.get() === "none") return false;
  stop(kind);
  const speaker = speakerOf(kind);
  const { context, gain, buffer } = speaker;
  const source = context.createBufferSource();
  speaker.source = source;
  gain.gain.value = soundSettings.get().voices[kind].volume;
  if (kind === "ring") await sendRing(context);
  await context.resume();
  // Stopped, or begun anew, while the device was being opened.
  if (speaker.source !== source) return true;
  source.buffer = buffer;
  source.loop = again;
  source.connect(gain);
  source.onended = () => {
    if (speaker.source === source) stop(kind);
  };
  source.start();
  return context.state === "running";
}

export function stop(kind: Kind): void {
  const speaker = speakers.get(kind);
  if (!speaker?.source) return;
  const { source, context } = speaker;
  speaker.source = null;
  source.onended = null;
  if (source.buffer) source.stop();
  source.disconnect();
  // A silent context keeps a device open.
  void context.suspend();
}

/** Somebody has pressed something on this page since it was loaded. */
const pressed = (): boolean => navigator.userActivation?.hasBeenActive ?? false;

/** Waits for the press that the browser wants before anything may sound. Returns the way to stop waiting. */
export function awaitPress(): () => void {
  if (audio.get() !== "locked") return () => undefined;
  const look = () => {
    if (!pressed()) return;
    audio.set("ready");
    leave();
  };
  const events = ["pointerup", "keydown", "touchend"] as const;
  const leave = () => events.forEach((event) => window.removeEventListener(event, look, true));
  events.forEach((event) => window.addEventListener(event, look, true));
  look();
  return leave;
}
