/** The call screen: fetched after sign-in, then drawn at once. */
import type { ComponentType } from "react";
import type { LiveCall } from "@/live/board";
import { later } from "@/lib/later";

type CallScreen = ComponentType<{ call: LiveCall }>;

const screen = later<{ call: LiveCall }>(() => import("@/features/hud/CallHud").then((loaded) => loaded.default));

/** Null until it has come. `wanted`: there is, or may soon be, a call to show; the next call asks again after a failure. */
export const useCallScreen = (wanted: boolean, callId: string | null): CallScreen | null => screen.useLoaded(wanted, callId);
