import { CalendarClock, RotateCcw, Sparkles } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { QueueItem, QueueReason } from "@/api/types";
import { cx } from "@/lib/cx";
import { ageOf, formatWhen } from "@/lib/format";
import { CallButton } from "@/parts/CallButton";
import { useDispositionName } from "@/parts/dispositions";
import { PhoneText, PriorityBadge, useAge } from "@/parts/lead";
import { Badge, type Tone } from "@/ui/bits";

interface QueueRowProps {
  item: QueueItem;
  top: number;
  index: number;
  total: number;
  current: boolean;
  blocked: string | null;
  onOpen: () => void;
  onPick: () => void;
}

export function QueueRow({ item, top, index, total, current, blocked, onOpen, onPick }: QueueRowProps) {
  const { t } = useTranslation();
  const nameOf = useDispositionName();
  const { lead, reason } = item;
  return (
    <li
      aria-setsize={total}
      aria-posinset={index + 1}
      aria-current={current || undefined}
      style={{ transform: `translateY(${top}px)` }}
      onClick={onPick}
      className={cx("absolute inset-x-0 top-0 flex h-17 items-center gap-3 border-b border-line px-4 md:px-6", current ? "bg-accent-soft" : "bg-surface hover:bg-sunken", blocked && "text-ink-2")}
    >
      <span aria-hidden="true" className={cx("absolute inset-y-0 left-0 w-1", current && "bg-accent")} />
      <div className="min-w-0 flex-1 ">
        <button type="button" onClick={onOpen} className="block max-w-full truncate font-semibold hover:underline">
          {lead.name}
        </button>
        <p className="flex items-center gap-1.5 text-sm text-ink-2">
          <PhoneText phone={lead.phone} />
          {lead.organisation ? <span className="hidden truncate sm:inline">· {lead.organisation}</span> : null}
          <span className="min-w-0 sm:hidden">
            <ReasonChip reason={reason} />
          </span>
        </p>
      </div>
      <div className="hidden min-w-0 flex-1 flex-col items-start gap-1 sm:flex">
        <ReasonChip reason={reason} />
        {blocked ? <span className="max-w-full truncate text-xs" data-tip={blocked}>{blocked}</span> : <AgeBadge lead={lead} reason={reason} />}
      </div>
      <div className="hidden w-44 min-w-0 flex-col items-start gap-1 lg:flex">
        <span className="max-w-full truncate text-sm text-ink-2">{lead.last_disposition ? nameOf(lead.last_disposition) : lead.attempts > 0 ? t("queue.noOutcome") : t("queue.neverCalled")}</span>
        {lead.attempts > 0 ? <span className="text-xs text-ink-3">{t("queue.attempts", { count: lead.attempts })}</span> : null}
      </div>
      <div className="hidden w-28 flex-col items-start gap-1 md:flex">
        <PriorityBadge priority={lead.priority} />
        <span className="text-xs text-ink-3">{t("queue.score", { score: lead.lead_score })}</span>
      </div>
      <span className="hidden sm:block">
        <CallButton callee={{ leadId: lead.id }} name={lead.name} blocked={blocked} quiet={!current} />
      </span>
      <span className="sm:hidden">
        <CallButton callee={{ leadId: lead.id }} name={lead.name} blocked={blocked} labelled={false} quiet={!current} />
      </span>
    </li>
  );
}

const CHIP: Record<string, { tone: Tone; icon: typeof Sparkles }> = {
  callback_late: { tone: "alarm", icon: CalendarClock },
  callback_due: { tone: "wait", icon: CalendarClock },
  callback_soon: { tone: "accent", icon: CalendarClock },
  callback: { tone: "accent", icon: CalendarClock },
  fresh: { tone: "good", icon: Sparkles },
  retry: { tone: "plain", icon: RotateCcw },
  follow_up: { tone: "plain", icon: RotateCcw },
};

/** Why this person is here, in three words. */
function ReasonChip({ reason }: { reason: QueueReason }) {
  const { t, i18n } = useTranslation();
  const chip = CHIP[reason.code];
  const age = useAge();
  const words = (): ReactNode => {
    if (reason.code === "fresh") return reason.at ? t("reason.freshFor", { age: age(reason.at) }) : t("reason.fresh");
    if (reason.code === "retry") return t("reason.retry", { count: (reason.attempts ?? 0) + 1 });
    const known = `reason.${reason.code}`;
    const text = i18n.exists(known) ? t(known) : reason.code;
    if (!reason.at) return text;
    return (
      <>
        {/* On a phone the icon says it: there is room for the time only, and the time is what counts. */}
        <span className="max-sm:sr-only">{text} </span>
        {formatWhen(reason.at)}
      </>
    );
  };
  return (
    <Badge tone={chip?.tone ?? "plain"} icon={chip?.icon}>
      {words()}
    </Badge>
  );
}

/** How long this has waited (QUE-09); of a fresh lead the chip says it, and here stands where it came from. */
function AgeBadge({ lead, reason }: { lead: QueueItem["lead"]; reason: QueueReason }) {
  const { t } = useTranslation();
  const age = useAge();
  const { created_at: createdAt, last_contact_at: lastContact } = lead;
  const { unit, count } = ageOf(lastContact ?? createdAt);
  const days = unit === "day" ? count : 0;
  const stale = days > 30 ? t("queue.cold") : days > 3 && reason.code !== "fresh" ? t("queue.overdue") : null;
  const source = t(`source.${lead.source}`, { defaultValue: lead.source });
  return (
    <span className="max-w-full truncate text-xs text-ink-3">
      {lastContact ? t("queue.spoken", { age: age(lastContact) }) : reason.code === "fresh" && reason.at ? t("queue.from", { source }) : t("queue.arrived", { age: age(createdAt) })}
      {stale ? <span className="font-medium text-wait"> · {stale}</span> : null}
    </span>
  );
}
