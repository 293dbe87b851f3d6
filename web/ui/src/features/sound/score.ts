/** What is heard and when. Pure: samples are reckoned, not recorded; what sounds follows from what the board says. */
import { type Board, type LiveCall, type Phase, myCall, phaseOf } from "@/live/board";

export const KINDS = ["ring", "connected"] as const;
export type Kind = (typeof KINDS)[number];

interface Note {
  at: number;
  hz: number;
  seconds: number;
}

/** Two rising runs and a rest: no phone, no messenger and no carrier's tone sounds like it. */
const RING: readonly Note[] = [0, 0.75].flatMap((start) => [659, 880, 1109].map((hz, n) => ({ at: start + n * 0.13, hz, seconds: 0.34 })));
const CONNECTED: readonly Note[] = [{ at: 0, hz: 988, seconds: 0.16 }];
const SCORE: Record<Kind, { notes: readonly Note[]; seconds: number }> = {
  ring: { notes: RING, seconds: 2.6 },
  connected: { notes: CONNECTED, seconds: 0.2 },
};
/** Beginning and end of a note, so that it does not click. */
const EDGE_S = 0.008;
const LOUDEST = 0.8;

/** One round of a sound at full volume, -1 to 1. */
export function samplesOf(kind: Kind, rate: number): Float32Array<ArrayBuffer> {
  const { notes, seconds } = SCORE[kind];
  const samples = new Float32Array(Math.round(seconds * rate));
  for (const { at, hz, seconds: long } of notes) {
    const first = Math.round(at * rate);
    const count = Math.min(Math.round(long * rate), samples.length - first);
    for (let n = 0; n < count; n += 1) {
      const t = n / rate;
      const edge = Math.min(1, t / EDGE_S, (long - t) / EDGE_S);
      // Like a struck bar: the octave above dies first.
      const tone = Math.sin(2 * Math.PI * hz * t) * Math.exp(-4 * t) + 0.35 * Math.sin(4 * Math.PI * hz * t) * Math.exp(-9 * t);
      samples[first + n] = (samples[first + n] ?? 0) + tone * edge;
    }
  }
  const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  return samples.map((sample) => (sample / peak) * LOUDEST);
}

const BEFORE: ReadonlySet<Phase> = new Set(["calling_you", "dialing", "ringing", "incoming"]);

export interface Heard {
  /** The call that is offered to the reader and not answered yet. */
  rings: string | null;
  /** The call at hand and where it stands. */
  call: string | null;
  phase: Phase | null;
}

/** What concerns the ear. What may be old does not ring. */
export function heardOf(board: Board): Heard {
  const live: LiveCall | null = board.link === "live" ? myCall(board) : null;
  const phase = live ? phaseOf(live) : null;
  return { rings: phase === "incoming" && live ? live.call.id : null, call: live?.call.id ?? null, phase };
}

/** A call that waited is connected now: on the desk nobody pressed anything for it. */
export function connects(before: Heard, now: Heard): boolean {
  return now.phase === "talking" && before.call === now.call && before.phase !== null && BEFORE.has(before.phase);
}
