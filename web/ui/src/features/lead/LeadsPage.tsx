import { useNavigate, useSearch } from "@tanstack/react-router";
import { Link } from "@tanstack/react-router";
import { UserPlus, UserSearch } from "lucide-react";
import { type ComponentProps, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import type { Lead } from "@/api/types";
import { LEAD_STATUSES, PRIORITIES } from "@/features/lead/LeadCard";
import type { NewLead } from "@/features/lead/NewLead";
import { useLeads } from "@/features/lead/api";
import { given } from "@/lib/given";
import { formatDay, formatTime, formatWhen } from "@/lib/format";
import { searchTerm } from "@/lib/phone";
import { useActions } from "@/lib/useActions";
import { useSettled } from "@/lib/useSettled";
import { CallButton } from "@/parts/CallButton";
import { useBlockText } from "@/parts/calls";
import { useDispositionName } from "@/parts/dispositions";
import { PhoneText, PriorityBadge, StatusBadge } from "@/parts/lead";
import { laterForm } from "@/parts/laterForm";
import { ListState, MoreButton } from "@/parts/ListState";
import { useRowKeys } from "@/parts/rowKeys";
import { ViewsBar } from "@/parts/views/late";
import { Button } from "@/ui/Button";
import { PageHeader } from "@/ui/bits";
import { SelectField, TextField } from "@/ui/Field";
import { type Column, Table } from "@/ui/Table";

const form = laterForm<ComponentProps<typeof NewLead>>(() => import("@/features/lead/NewLead").then((loaded) => loaded.NewLead));

/** Every lead one may see. */
export function LeadsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: "/desk/leads" });
  const me = useMe();
  const [text, setText] = useState(search.q ?? "");
  const [adding, setAdding] = useState(false);
  const q = useSettled(searchTerm(text), 250);
  const status = LEAD_STATUSES.find((one) => one === search.status);
  const priority = PRIORITIES.find((one) => one === search.priority);
  const field = useRef<HTMLInputElement>(null);
  const pages = useLeads(q, status, priority);
  const rows = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const blockText = useBlockText();
  const nameOf = useDispositionName();
  const box = useRowKeys(t("nav.leads"));
  const writes = me !== undefined && me.role !== "viewer";

  /** The address holds what is asked; what says nothing is left out. */
  const filter = (next: Record<string, string>) => void navigate({ to: "/leads", replace: true, search: given({ ...search, ...next }) });
  const written = useRef(search.q ?? "");
  useEffect(() => {
    if ((search.q ?? "") === q) return;
    written.current = q;
    filter({ q });
    // Only the settled text moves the address; a change of address alone must not loop back.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [q]);
  useEffect(() => {
    // A picked view, or the way back to one: the field follows the address where the address did not follow the field.
    if ((search.q ?? "") === written.current) return;
    written.current = search.q ?? "";
    setText(written.current);
  }, [search.q]);
  useActions([
    { id: "leads.search", label: t("leads.search"), group: t("nav.leads"), keys: ["Slash"], run: () => field.current?.focus() },
    ...(writes ? [{ id: "leads.new", label: t("leads.new"), group: t("nav.leads"), keys: ["KeyN"], run: () => setAdding(true) }] : []),
  ]);

  const columns: Column<Lead>[] = [
    {
      key: "name",
      title: t("lead.name"),
      cell: (lead) => (
        <>
          <Link to="/leads/$leadId" params={{ leadId: lead.id }} className="font-semibold hover:underline">
            {lead.name}
          </Link>
          <span className="block text-sm text-ink-2">
            <PhoneText phone={lead.phone} />
          </span>
        </>
      ),
    },
    { key: "organisation", title: t("lead.organisation"), from: "lg", className: "max-w-52", cell: (lead) => <span className="line-clamp-2">{lead.organisation ?? "–"}</span> },
    { key: "status", title: t("lead.status"), from: "sm", cell: (lead) => <StatusBadge status={lead.status} /> },
    { key: "priority", title: t("lead.priority"), from: "md", cell: (lead) => <PriorityBadge priority={lead.priority} /> },
    { key: "score", title: t("lead.score"), from: "xl", className: "text-right", cell: (lead) => lead.lead_score },
    {
      key: "last",
      title: t("lead.lastContact"),
      from: "lg",
      cell: (lead) => (
        <>
          <span className="whitespace-nowrap" title={formatWhen(lead.last_contact_at)}>
            {lead.last_contact_at ? formatDay(lead.last_contact_at) : t("lead.never")}
          </span>
          {lead.last_disposition ? <span className="block text-sm whitespace-nowrap text-ink-2">{nameOf(lead.last_disposition)}</span> : null}
        </>
      ),
    },
    // A telecaller's are their own.
    ...(me?.role === "telecaller" || me?.role === "field_agent" ? [] : [{ key: "owner", title: t("lead.owner"), from: "lg" as const, className: "whitespace-nowrap", cell: (lead: Lead) => lead.assigned_to_name ?? t("lead.nobody") }]),
    ...(writes
      ? [
          {
            key: "call",
            title: <span className="sr-only">{t("call.call")}</span>,
            className: "text-right",
            cell: (lead: Lead) => <CallButton callee={{ leadId: lead.id }} name={lead.name} blocked={lead.dnd ? blockText({ rule: "do_not_call", detail: "" }) : null} quiet />,
          },
        ]
      : []),
  ];

  return (
    <>
      <PageHeader
        title={t("nav.leads")}
        note={pages.dataUpdatedAt ? t("ui.asOf", { time: formatTime(pages.dataUpdatedAt, true) }) : null}
        actions={
          writes ? (
            <Button look="primary" keys={["KeyN"]} actionId="leads.new" onClick={() => setAdding(true)} {...form.near}>
              <UserPlus className="size-4" aria-hidden="true" />
              {t("leads.new")}
            </Button>
          ) : null
        }
      />
      <ViewsBar list="leads" asked={given({ q: search.q, status, priority })} picked={search.view} onPick={(asked, view) => void navigate({ to: "/leads", search: given({ ...asked, view }) })} />
      <div className="flex flex-wrap items-end gap-3 px-4 pb-3 md:px-6">
        <TextField ref={field} className="w-full sm:w-72" type="search" label={t("leads.search")} hideLabel placeholder={t("leads.search")} value={text} onChange={(event) => setText(event.target.value)} />
        <SelectField
          className="w-full sm:w-48"
          label={t("lead.status")}
          hideLabel
          empty={t("leads.everyStatus")}
          options={LEAD_STATUSES.map((value) => ({ value, label: t(`leadStatus.${value}`) }))}
          value={status ?? ""}
          onChange={(event) => filter({ status: event.target.value })}
        />
        <SelectField
          className="w-full sm:w-40"
          label={t("lead.priority")}
          hideLabel
          empty={t("leads.everyPriority")}
          options={PRIORITIES.map((value) => ({ value, label: t(`priority.${value}`) }))}
          value={priority ?? ""}
          onChange={(event) => filter({ priority: event.target.value })}
        />
      </div>
      <div className="mx-4 mb-6 rounded-lg border border-line bg-surface md:mx-6">
        <ListState query={pages} count={rows.length} empty={{ icon: UserSearch, title: q ? t("queue.notFound", { q }) : t("leads.empty"), help: t("queue.notFoundHelp") }}>
          <Table label={t("nav.leads")} columns={columns} rows={rows} id={(lead) => lead.id} box={box} />
          <MoreButton pages={pages} />
        </ListState>
      </div>
      {adding ? <form.Part onClose={() => setAdding(false)} /> : null}
    </>
  );
}
