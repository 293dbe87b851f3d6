/** The call screen: fetched after sign-in, then drawn at once. A lazy component would suspend when the call is there. */
import type { ComponentType } from "react";
import { useEffect } from "react";
import type { LiveCall } from "@/live/board";
import { createStore, useStore } from "@/lib/store";

type CallScreen = ComponentType<{ call: LiveCall }>;

const screen = createStore<CallScreen | null>(null);
let loading: Promise<void> | null = null;

function load(): Promise<void> {
  loading ??= import("@/features/hud/CallHud").then(
    ({ default: loaded }) => screen.set(() => loaded),
    () => {
      // Tried again with the next call: the dock shows it meanwhile.
      loading = null;
    },
  );
  return loading;
}

/** Null until it has come. `wanted`: there is, or may soon be, a call to show. */
export function useCallScreen(wanted: boolean, callId: string | null): CallScreen | null {
  useEffect(() => {
    if (wanted) void load();
  }, [wanted, callId]);
  return useStore(screen);
}
