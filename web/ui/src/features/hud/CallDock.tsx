/** The call at hand, on top of every page: state, timer, the controls that must never be out of reach. */
import { ChevronDown, ChevronUp, Mic, MicOff, Pause, PhoneIncoming, PhoneOff, Play } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { LiveCall } from "@/live/board";
import { makesCalls, useMe } from "@/api/me";
import { useControlActions } from "@/features/hud/actions";
import { hud } from "@/features/hud/open";
import { needWords } from "@/i18n";
import { later } from "@/lib/later";
import { isTyping } from "@/lib/actions";
import { useNow } from "@/lib/clock";
import { cx } from "@/lib/cx";
import { formatDuration, formatPhone } from "@/lib/format";
import { useStore } from "@/lib/store";
import { type Phase, phaseOf } from "@/live/board";
import { useBoard, useMyCall } from "@/live/hooks";
import { useDispositions } from "@/parts/dispositions";
import { ActionButton, Button } from "@/ui/Button";

const Answer = later(async () => {
  const [loaded] = await Promise.all([import("@/features/phone/Answer"), needWords("own")]);
  return loaded.default;
});

export function CallDock() {
  const call = useMyCall();
  const me = useMe();
  const waits = me !== undefined && makesCalls(me.role) && Boolean(me.extension);
  useScreenPop(call);
  // Fetched before they are wanted: the call screen opens with its outcomes.
  useDispositions();
  return (
    <>
      <Announcement call={call} />
      {call ? <Dock key={call.call.id} live={call} /> : waits ? <Waiting /> : null}
    </>
  );
}

/** The dock's place while there is no call: nothing moves when one comes. A phone has no height to spare. */
function Waiting() {
  const { t } = useTranslation();
  return <p className="hidden min-h-13 shrink-0 items-center border-b border-line bg-surface px-4 py-1.5 text-sm text-ink-3 md:flex">{t("hud.noCall")}</p>;
}

/** A new call opens its screen, unless somebody is typing: then the dock shows it and nothing moves. */
function useScreenPop(call: LiveCall | null): void {
  const last = useRef<string | null>(null);
  const id = call?.call.id ?? null;
  useEffect(() => {
    if (id === last.current) return;
    last.current = id;
    if (id === null) hud.set(false);
    else if (!isTyping(document.activeElement)) hud.set(true);
  }, [id]);
}

/** Call states for those who listen to the screen. */
function Announcement({ call }: { call: LiveCall | null }) {
  const { t } = useTranslation();
  const text = call ? `${t(`phase.${phaseOf(call)}`)}: ${nameIn(call)}` : "";
  return (
    <p role="status" aria-live="polite" className="sr-only">
      {text}
    </p>
  );
}

export const farNumber = ({ call }: LiveCall): string => (call.direction === "inbound" ? call.from : call.to);
export const nameIn = (live: LiveCall): string => live.lead?.lead.name ?? live.call.lead_name ?? formatPhone(farNumber(live));

const LOOK: Record<Phase, string> = {
  calling_you: "bg-accent-soft text-accent",
  dialing: "bg-accent-soft text-accent",
  ringing: "bg-accent-soft text-accent",
  incoming: "bg-accent text-on-accent",
  talking: "bg-good-soft text-good",
  held: "bg-wait-soft text-wait",
  over: "bg-wait-soft text-wait",
};

function Dock({ live }: { live: LiveCall }) {
  const { t } = useTranslation();
  const phase = phaseOf(live);
  const open = useStore(hud);
  const waiting = useBoard((now) => Object.keys(now.pending).length);
  const { mute, hold, hangup, toggle } = useControlActions(live);
  return (
    <section aria-label={t("hud.dock")} className={cx("flex min-h-13 shrink-0 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-3 py-1.5 md:px-4", LOOK[phase])}>
      <span className="inline-flex items-center gap-1.5 font-semibold">
        {phase === "incoming" ? <PhoneIncoming className="recording-dot size-4" aria-hidden="true" /> : null}
        {t(`phase.${phase}`)}
      </span>
      <CallTimer live={live} className="font-semibold" />
      <span className="min-w-0 truncate font-medium">{nameIn(live)}</span>
      {live.lead ?? live.call.lead_name ? <span className="hidden text-sm md:inline">{formatPhone(farNumber(live))}</span> : null}
      <RecordingSign live={live} />
      {waiting > 1 ? <span className="text-sm">{t("hud.waiting", { count: waiting })}</span> : null}
      <span className="ml-auto flex items-center gap-1.5">
        {phase === "incoming" || phase === "calling_you" ? <Answer.Part /> : null}
        {phase === "over" ? null : (
          <>
            {open ? null : (
              <>
                <ActionButton action={mute} size="icon" look="plain" aria-pressed={live.muted}>
                  {live.muted ? <MicOff className="size-4" aria-hidden="true" /> : <Mic className="size-4" aria-hidden="true" />}
                </ActionButton>
                <ActionButton action={hold} size="icon" look="plain" aria-pressed={live.held}>
                  {live.held ? <Play className="size-4" aria-hidden="true" /> : <Pause className="size-4" aria-hidden="true" />}
                </ActionButton>
                <ActionButton action={hangup} look="alarm" size="sm">
                  <PhoneOff className="size-4" aria-hidden="true" />
                  {t("call.hangup")}
                </ActionButton>
              </>
            )}
          </>
        )}
        <Button look="plain" size="sm" keys={toggle.keys} actionId={toggle.id} aria-expanded={open} onClick={toggle.run}>
          {open ? <ChevronUp className="size-4" aria-hidden="true" /> : <ChevronDown className="size-4" aria-hidden="true" />}
          {open ? t("hud.minimise") : phase === "over" ? t("hud.chooseOutcome") : t("hud.open")}
        </Button>
      </span>
    </section>
  );
}

/** Since the start while it rings, since the answer while they talk, since the end in wrap-up. */
export function CallTimer({ live, className }: { live: LiveCall; className?: string }) {
  const { t } = useTranslation();
  const now = useNow();
  const { call } = live;
  const since = Date.parse(call.ended_at ?? call.answered_at ?? call.started_at);
  const shown = formatDuration(Math.max(0, (now - since) / 1000));
  useEffect(() => {
    const before = document.title;
    return () => {
      document.title = before;
    };
  }, []);
  useEffect(() => {
    document.title = `${shown} · ${t(`phase.${phaseOf(live)}`)} · TeleHub`;
  }, [shown, live, t]);
  return (
    <span role="timer" aria-label={t("hud.timer")} className={className}>
      {shown}
    </span>
  );
}

export function RecordingSign({ live }: { live: LiveCall }) {
  const { t } = useTranslation();
  if (!live.recording && !live.recordingPaused) return null;
  const paused = live.recordingPaused;
  return (
    <span className="inline-flex items-center min-h-5 gap-1.5 rounded-full bg-surface px-2 py-0.5 text-xs font-medium text-ink">
      <span aria-hidden="true" className={cx("size-2 rounded-full", paused ? "bg-ink-3" : "recording-dot bg-alarm")} />
      <span className="max-sm:sr-only">{paused ? t("hud.recordingPaused") : t("hud.recording")}</span>
    </span>
  );
}
