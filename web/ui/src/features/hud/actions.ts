import { useTranslation } from "react-i18next";
import type { LiveCall } from "@/live/board";
import { hud } from "@/features/hud/open";
import type { Action } from "@/lib/actions";
import { useActions } from "@/lib/useActions";
import { phaseOf } from "@/live/board";
import { useCallCommand } from "@/parts/calls";

export interface ControlActions {
  mute: Action;
  hold: Action;
  hangup: Action;
  pause: Action;
  toggle: Action;
}

/** The controls of a call; the dock and the call screen show the same ones. */
export function controlActions(live: LiveCall, command: ReturnType<typeof useCallCommand>, t: (key: string) => string): ControlActions {
  const phase = phaseOf(live);
  const group = t("hud.group");
  const over = phase === "over" ? t("hud.isOver") : null;
  const unanswered = over ?? (phase === "talking" || phase === "held" ? null : t("hud.notAnswered"));
  return {
    mute: {
      id: "call.mute",
      label: live.muted ? t("hud.unmute") : t("hud.mute"),
      group,
      keys: ["KeyM"],
      layer: 1,
      rests: true,
      disabledReason: unanswered,
      run: () => command.mutate({ kind: "mute", muted: !live.muted }),
    },
    hold: {
      id: "call.hold",
      label: live.held ? t("hud.resume") : t("hud.hold"),
      group,
      keys: ["KeyH"],
      layer: 1,
      rests: true,
      disabledReason: unanswered,
      run: () => command.mutate({ kind: live.held ? "resume" : "hold" }),
    },
    hangup: {
      id: "call.hangup",
      label: t("hud.hangup"),
      group,
      keys: ["Ctrl+Shift+KeyE"],
      layer: 1,
      rests: true,
      global: true,
      disabledReason: over,
      run: () => command.mutate({ kind: "hangup" }),
    },
    pause: {
      id: "call.pauseRecording",
      label: live.recordingPaused ? t("hud.resumeRecording") : t("hud.pauseRecording"),
      group,
      layer: 1,
      rests: true,
      disabledReason: unanswered ?? (live.recording || live.recordingPaused ? null : t("hud.notRecorded")),
      run: () => command.mutate({ kind: "pause", paused: !live.recordingPaused }),
    },
    toggle: { id: "call.screen", label: t("hud.toggle"), group, keys: ["Backslash"], layer: 1, run: () => hud.set((open) => !open) },
  };
}

export function useControlActions(live: LiveCall): ControlActions {
  const { t } = useTranslation();
  const command = useCallCommand(live.call.id);
  const actions = controlActions(live, command, t);
  const over = phaseOf(live) === "over";
  useActions(over ? [actions.toggle] : Object.values(actions));
  return actions;
}
