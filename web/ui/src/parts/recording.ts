/** What can be done with a recording in which state. */
import type { Recording, RecordingState } from "@/api/types";

const PLAYABLE: ReadonlySet<RecordingState> = new Set(["ready", "recovered"]);

export const isPlayable = (recording: Recording | null | undefined): boolean => PLAYABLE.has(recording?.state ?? "none");

/** Worth asking for again soon. */
export const isOnItsWay = (recording: Recording | null | undefined): boolean => recording?.state === "storing";
