import { Link } from "@tanstack/react-router";
import { ExternalLink } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Lead, TimelineItem } from "@/api/types";
import type { LiveCall } from "@/live/board";
import { farNumber } from "@/features/hud/CallDock";
import { hud } from "@/features/hud/open";
import { Stranger } from "@/features/hud/pieces";
import { PhoneText, PriorityBadge, StatusBadge } from "@/parts/lead";
import { TimelineList } from "@/parts/Timeline";
import { buttonClass } from "@/ui/Button";
import { Fact, SkeletonRows } from "@/ui/bits";

interface CustomerPanelProps {
  live: LiveCall;
  lead: Lead | null;
  history: readonly TimelineItem[];
  pending: boolean;
}

/** Who is on the line, and what happened with them before. */
export function CustomerPanel({ live, lead, history, pending }: CustomerPanelProps) {
  const { t } = useTranslation();
  const before = history.filter((item) => item.id !== live.call.id).slice(0, 8);
  return (
    <section aria-label={t("hud.customer")} className="order-1 flex flex-col rounded-lg border border-line bg-surface lg:min-h-0 lg:overflow-hidden">
      {pending ? <SkeletonRows rows={4} label={t("ui.loading")} /> : null}
      {lead ? <Known lead={lead} /> : null}
      {!lead && !pending ? live.call.direction === "internal" ? <Colleague live={live} /> : <Stranger live={live} /> : null}
      {lead ? (
        <div className="flex-1 border-t border-line p-3 lg:min-h-0 lg:overflow-y-auto" role="region" aria-label={t("hud.history")} tabIndex={0}>
          <h3 className="mb-2 text-sm font-semibold text-ink-2">{t("hud.history")}</h3>
          {before.length > 0 ? <TimelineList items={before} compact /> : <p className="text-ink-2">{t("hud.firstContact")}</p>}
        </div>
      ) : null}
    </section>
  );
}

function Known({ lead }: { lead: Lead }) {
  const { t } = useTranslation();
  return (
    <div className="p-3">
      <div className="flex items-start justify-between gap-2">
        <h2 className="min-w-0 text-lg font-semibold break-words">{lead.name}</h2>
        <Link to="/leads/$leadId" params={{ leadId: lead.id }} onClick={() => hud.set(false)} className={buttonClass("quiet", "icon-sm")} aria-label={t("hud.openLead")} title={t("hud.openLead")}>
          <ExternalLink className="size-4" aria-hidden="true" />
        </Link>
      </div>
      <PhoneText phone={lead.phone} className="text-ink-2" />
      <div className="mt-2 flex flex-wrap gap-1.5">
        <PriorityBadge priority={lead.priority} />
        <StatusBadge status={lead.status} />
      </div>
      <dl className="mt-3 grid grid-cols-2 gap-x-3 gap-y-2">
        <Fact name={t("lead.score")}>{lead.lead_score}/100</Fact>
        <Fact name={t("lead.attempts")}>{lead.attempts}</Fact>
        <Fact name={t("lead.organisation")}>{lead.organisation ?? "–"}</Fact>
        <Fact name={t("lead.language")}>{languageName(lead.language, t)}</Fact>
        <Fact name={t("lead.source")}>{t(`source.${lead.source}`, { defaultValue: lead.source })}</Fact>
        <Fact name={t("lead.pincode")}>{lead.pincode ?? "–"}</Fact>
        <Fact className="col-span-2" name={t("lead.email")}>
          {lead.email ?? "–"}
        </Fact>
      </dl>
    </div>
  );
}

const languageName = (code: string | null | undefined, t: (key: string, options: { defaultValue: string }) => string): string => (code ? t(`languageName.${code}`, { defaultValue: code }) : "–");

function Colleague({ live }: { live: LiveCall }) {
  const { t } = useTranslation();
  return (
    <div className="p-3">
      <h2 className="text-lg font-semibold">{t("hud.internal")}</h2>
      <p className="text-ink-2">{farNumber(live)}</p>
    </div>
  );
}
