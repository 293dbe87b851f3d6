import { CircleDot, Grid3x3, Mic, MicOff, Pause, PhoneOff, Play } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import type { LiveCall } from "@/live/board";
import { controlActions } from "@/features/hud/actions";
import { type Action, keyNames } from "@/lib/actions";
import { cx } from "@/lib/cx";
import { useActions, useKeys } from "@/lib/useActions";
import { phaseOf } from "@/live/board";
import { useCallCommand } from "@/parts/calls";
import { Button } from "@/ui/Button";

const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"] as const;

/** What one can do to the call. Nothing here moves when the call changes state. */
export function ControlPanel({ live }: { live: LiveCall }) {
  const { t } = useTranslation();
  const command = useCallCommand(live.call.id);
  // The dock has registered these keys; here they are only shown.
  const { mute, hold, hangup, pause } = controlActions(live, command, t);
  const [open, setOpen] = useState(false);
  const phase = phaseOf(live);
  const talking = phase === "talking" || phase === "held";
  const keypad: Action = {
    id: "call.keypad",
    label: t("hud.keypad"),
    group: t("hud.group"),
    keys: ["KeyK"],
    layer: 1,
    disabledReason: mute.disabledReason ?? null,
    run: () => setOpen(!open),
  };
  const shown = open && talking;
  const [hangupKey] = useKeys(hangup.id, hangup.keys);
  useActions(phase === "over" ? [] : [keypad]);
  return (
    <section aria-label={t("hud.controls")} className="order-first shrink-0 rounded-lg border border-line bg-surface p-3">
      <div className="grid grid-cols-4 gap-2">
        <Control action={mute} pressed={live.muted} icon={live.muted ? <MicOff className="size-5" aria-hidden="true" /> : <Mic className="size-5" aria-hidden="true" />} />
        <Control action={hold} pressed={live.held} icon={live.held ? <Play className="size-5" aria-hidden="true" /> : <Pause className="size-5" aria-hidden="true" />} />
        <Control action={keypad} pressed={shown} icon={<Grid3x3 className="size-5" aria-hidden="true" />} />
        <Control action={pause} pressed={live.recordingPaused} icon={<CircleDot className="size-5" aria-hidden="true" />} />
      </div>
      {shown ? <Keypad onDigit={(digits) => command.mutate({ kind: "dtmf", digits })} /> : null}
      <Button look="alarm" size="lg" className="mt-2 w-full" keys={hangup.keys} actionId={hangup.id} disabledReason={hangup.disabledReason} onClick={hangup.run}>
        <PhoneOff className="size-5" aria-hidden="true" />
        {hangup.label}
        <span className="text-sm font-normal opacity-90 max-sm:hidden" aria-hidden="true">
          {hangupKey ? keyNames(hangupKey).join(" ") : null}
        </span>
      </Button>
      {live.digits ? <p className="mt-2 text-sm text-ink-2">{t("hud.pressed", { digits: live.digits })}</p> : null}
    </section>
  );
}

function Control({ action, pressed, icon }: { action: Action; pressed: boolean; icon: ReactNode }) {
  return (
    <Button
      look="plain"
      aria-pressed={pressed}
      keys={action.keys}
      actionId={action.id}
      hint={action.label}
      disabledReason={action.disabledReason}
      onClick={action.run}
      className={cx("h-15 min-w-0 flex-col !gap-0.5 !px-1 text-xs", pressed && "!border-accent !bg-accent-soft !text-accent")}
    >
      {icon}
      <span className="w-full truncate text-center">{action.label}</span>
    </Button>
  );
}

function Keypad({ onDigit }: { onDigit: (digit: string) => void }) {
  const { t } = useTranslation();
  const [sent, setSent] = useState("");
  const send = (digit: string) => {
    setSent((before) => (before + digit).slice(-16));
    onDigit(digit);
  };
  const codeOf = (digit: string): string => ({ "*": "Shift+Digit8", "#": "Shift+Digit3" })[digit] ?? `Digit${digit}`;
  useActions(
    DIGITS.map((digit) => ({ id: `call.digit.${digit}`, label: t("hud.digit", { digit }), group: t("hud.keypad"), keys: [codeOf(digit)], layer: 1, unlisted: true, run: () => send(digit) })),
  );
  return (
    <div className="mt-2">
      <output aria-label={t("hud.sentDigits")} className="mb-1 block min-h-6 rounded-md bg-sunken px-2 text-center tracking-widest">
        {sent}
      </output>
      <div className="grid grid-cols-3 gap-1.5" role="group" aria-label={t("hud.keypad")}>
        {DIGITS.map((digit) => (
          <Button key={digit} look="plain" size="md" className="text-lg" aria-label={t("hud.digit", { digit })} onClick={() => send(digit)}>
            {digit}
          </Button>
        ))}
      </div>
    </div>
  );
}
