import { PhoneMissed, PhoneOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { LiveCall } from "@/live/board";
import { formatDuration, formatTime } from "@/lib/format";
import { isOnItsWay, isPlayable } from "@/parts/recording";
import { Fact } from "@/ui/bits";

/** What the call was, where its controls stood: the outcomes below stay where they are. */
export function EndedPanel({ live: { call } }: { live: LiveCall }) {
  const { t, i18n } = useTranslation();
  const kind = call.hangup_cause?.kind ?? "";
  const why = i18n.exists(`cause.${kind}`) ? t(`cause.${kind}`) : kind;
  const Icon = call.answered_at ? PhoneOff : PhoneMissed;
  const recording = !call.answered_at || !call.recording ? t("ended.notRecorded") : isPlayable(call.recording) ? t("ended.stored") : isOnItsWay(call.recording) || call.recording.state === "recording" || call.recording.state === "paused" ? t("ended.storing") : t(`recording.${call.recording.state}`);
  return (
    <section aria-label={t("ended.title")} className="order-2 shrink-0 rounded-lg border border-line bg-surface p-3 lg:order-first lg:min-h-[8.625rem]">
      <h2 className="flex items-center gap-2 font-semibold">
        <Icon className="size-4 shrink-0 text-ink-3" aria-hidden="true" />
        {call.answered_at ? t("ended.talked", { duration: formatDuration(call.duration_seconds) }) : t("ended.notReached")}
      </h2>
      <dl className="mt-2 grid grid-cols-2 gap-x-3 gap-y-1.5">
        <Fact name={t("calls.why")}>{why || "–"}</Fact>
        <Fact name={t("calls.ended")}>{formatTime(call.ended_at, true)}</Fact>
        <Fact className="col-span-2" name={t("ended.recording")}>
          {recording}
        </Fact>
      </dl>
    </section>
  );
}
