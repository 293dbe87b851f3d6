/** What happened with a person, newest first: calls, notes, promises, changes. */
import { CalendarClock, Mic, PencilLine, PhoneIncoming, PhoneMissed, PhoneOutgoing, StickyNote } from "lucide-react";
import { type ComponentProps, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Call, TimelineItem } from "@/api/types";
import { formatDuration, formatWhen } from "@/lib/format";
import { changeOf } from "@/parts/change";
import { useDispositionName } from "@/parts/dispositions";
import { later } from "@/lib/later";
import { isOnItsWay, isPlayable } from "@/parts/recording";
import type { RecordingPlayer as PlayerShape } from "@/parts/RecordingPlayer";
import { Button } from "@/ui/Button";
import { Badge, type Tone } from "@/ui/bits";

/** Fetched when the hand comes near. */
const player = later<ComponentProps<typeof PlayerShape>>(() => import("@/parts/RecordingPlayer").then((loaded) => loaded.RecordingPlayer));

export function TimelineList({ items, compact }: { items: readonly TimelineItem[]; compact?: boolean }) {
  return (
    <ol className="flex flex-col">
      {items.map((item) => (
        <Entry key={`${item.kind}-${item.id}`} item={item} compact={compact ?? false} />
      ))}
    </ol>
  );
}

function iconOf({ kind, call }: TimelineItem): ReactNode {
  const shape = "size-4";
  if (kind === "note") return <StickyNote className={shape} aria-hidden="true" />;
  if (kind === "callback") return <CalendarClock className={shape} aria-hidden="true" />;
  if (kind === "change") return <PencilLine className={shape} aria-hidden="true" />;
  if (call?.status === "missed") return <PhoneMissed className={shape} aria-hidden="true" />;
  return call?.direction === "inbound" ? <PhoneIncoming className={shape} aria-hidden="true" /> : <PhoneOutgoing className={shape} aria-hidden="true" />;
}

function Entry({ item, compact }: { item: TimelineItem; compact: boolean }) {
  const { t } = useTranslation();
  return (
    <li className="relative flex gap-3 pb-4 last:pb-0 [&:not(:last-child)]:before:absolute [&:not(:last-child)]:before:top-8 [&:not(:last-child)]:before:bottom-0.5 [&:not(:last-child)]:before:left-3.5 [&:not(:last-child)]:before:w-px [&:not(:last-child)]:before:bg-line">
      <span className="flex size-7 shrink-0 items-center justify-center rounded-full bg-sunken text-ink-2">{iconOf(item)}</span>
      <div className="min-w-0 flex-1 pt-0.5">
        <p className="flex flex-wrap items-baseline gap-x-2">
          <span className="font-medium">{item.call ? t(`timeline.${item.call.direction}`) : t(`timeline.${item.kind}`)}</span>
          <span className="text-sm text-ink-3">
            {formatWhen(item.at)}
            {item.user_name && !compact ? ` · ${item.user_name}` : null}
          </span>
        </p>
        {item.call ? <CallFacts call={item.call} compact={compact} /> : null}
        {item.callback ? (
          <p className="text-ink-2">
            {t("timeline.promised", { when: formatWhen(item.callback.due_at) })} <Badge tone={item.callback.status === "pending" ? "wait" : "plain"}>{t(`callbackStatus.${item.callback.status}`)}</Badge>
          </p>
        ) : null}
        {item.kind === "change" ? <ChangeFacts text={item.text ?? ""} /> : item.text && !item.call ? <p className="break-words whitespace-pre-line text-ink-2">{item.text}</p> : null}
      </div>
    </li>
  );
}

/** What a person's record says now that it did not say before. */
function ChangeFacts({ text }: { text: string }) {
  const { t } = useTranslation();
  const { action, fields } = changeOf(text);
  const value = (field: string, raw: string | null): string => {
    if (raw === null) return "–";
    const words = VALUE_WORDS[field];
    return words ? t(`${words}.${raw}`, { defaultValue: raw }) : raw;
  };
  if (fields.length === 0) return <p className="text-ink-2">{t(`change.${action.replace(/^lead\./, "")}`, { defaultValue: action })}</p>;
  return (
    <ul className="text-ink-2">
      {fields.map(({ field, from, to }) => (
        <li key={field} className="break-words">
          {t(FIELD_WORDS[field] ?? `lead.${field}`, { defaultValue: field })}
          {field === "assigned_to" ? null : `: ${value(field, from)} → ${value(field, to)}`}
        </li>
      ))}
    </ul>
  );
}

const FIELD_WORDS: Readonly<Record<string, string>> = { lead_score: "lead.score", assigned_to: "change.owner" };
const VALUE_WORDS: Readonly<Record<string, string>> = { status: "leadStatus", priority: "priority", language: "languageName" };

const STATUS_TONE: Record<Call["status"], Tone> = { initiated: "accent", ringing: "accent", in_progress: "good", completed: "plain", missed: "alarm", failed: "plain" };

function CallFacts({ call, compact }: { call: Call; compact: boolean }) {
  const { t, i18n } = useTranslation();
  const nameOf = useDispositionName();
  const [open, setOpen] = useState(false);
  const why = call.hangup_cause ? `cause.${call.hangup_cause.kind}` : "";
  const words = call.outcome?.notes ?? call.notes;
  return (
    <div className="flex flex-col gap-1">
      <p className="flex flex-wrap items-center gap-1.5">
        {call.disposition ? <Badge tone="accent">{nameOf(call.disposition)}</Badge> : <Badge tone={STATUS_TONE[call.status]}>{t(`callStatus.${call.status}`)}</Badge>}
        {call.answered_at ? <span className="text-sm text-ink-2">{formatDuration(call.duration_seconds)}</span> : why && i18n.exists(why) ? <span className="text-sm text-ink-2">{t(why)}</span> : null}
        {!compact && isPlayable(call.recording) ? (
          <Button look="quiet" size="sm" aria-expanded={open} onPointerEnter={() => void player.fetch()} onFocus={() => void player.fetch()} onClick={() => setOpen(!open)}>
            <Mic className="size-3.5" aria-hidden="true" />
            {open ? t("recording.hide") : t("recording.listen")}
          </Button>
        ) : !compact && isOnItsWay(call.recording) ? (
          <span className="text-sm text-ink-3">{t("recording.soon")}</span>
        ) : null}
      </p>
      {words ? <p className="break-words whitespace-pre-line text-ink-2">{words}</p> : null}
      {open && call.recording ? <player.Part callId={call.id} recording={call.recording} label={t("recording.of", { when: formatWhen(call.started_at) })} /> : null}
    </div>
  );
}
