import { Link } from "@tanstack/react-router";
import { ExternalLink, UserPlus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Lead, TimelineItem } from "@/api/types";
import type { LiveCall } from "@/live/board";
import { useCreateLead, usePeopleWith } from "@/features/hud/api";
import { farNumber } from "@/features/hud/CallDock";
import { hud } from "@/features/hud/open";
import { formatPhone } from "@/lib/format";
import { PhoneText, PriorityBadge, StatusBadge } from "@/parts/lead";
import { TimelineList } from "@/parts/Timeline";
import { Button, buttonClass } from "@/ui/Button";
import { Fact, SkeletonRows } from "@/ui/bits";
import { TextField } from "@/ui/Field";

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
      {!lead && !pending ? live.call.direction === "internal" ? <Colleague live={live} /> : <Unknown live={live} /> : null}
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

/** Nobody matched the number: choose among those it may be, or write down who it is. */
function Unknown({ live }: { live: LiveCall }) {
  const { t } = useTranslation();
  const phone = farNumber(live);
  const people = usePeopleWith(phone).data ?? [];
  const create = useCreateLead();
  const [name, setName] = useState("");
  const [organisation, setOrganisation] = useState("");
  const [error, setError] = useState<string | null>(null);
  const known = create.data;
  if (known) return <Known lead={known} />;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() === "") setError(t("hud.nameMissing"));
    else create.mutate({ name: name.trim(), phone, ...(organisation.trim() ? { organisation: organisation.trim() } : {}) });
  };
  return (
    <div className="flex flex-col gap-3 p-3">
      <div>
        <h2 className="text-lg font-semibold">{formatPhone(phone)}</h2>
        <p className="text-ink-2">{t("hud.unknown")}</p>
      </div>
      {people.length > 0 ? (
        <div>
          <h3 className="mb-1 text-sm font-semibold text-ink-2">{t("hud.maybe")}</h3>
          <ul className="flex flex-col gap-1">
            {people.map((lead) => (
              <li key={lead.id}>
                <Link to="/leads/$leadId" params={{ leadId: lead.id }} onClick={() => hud.set(false)} className="block rounded-md px-2 py-1 hover:bg-sunken">
                  {lead.name} <span className="text-sm text-ink-2">{formatPhone(lead.phone)}</span>
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ) : null}
      <form onSubmit={submit} className="flex flex-col gap-3" noValidate>
        <TextField label={t("lead.name")} required value={name} error={error} onChange={(event) => setName(event.target.value)} />
        <TextField label={t("lead.organisation")} value={organisation} onChange={(event) => setOrganisation(event.target.value)} />
        <Button look="primary" type="submit" busy={create.isPending}>
          <UserPlus className="size-4" aria-hidden="true" />
          {t("hud.createLead")}
        </Button>
      </form>
    </div>
  );
}
