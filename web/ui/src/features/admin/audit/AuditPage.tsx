import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { TFunction } from "i18next";
import { History } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import type { AuditEntry } from "@/api/types";
import { rowsOf, useExtensions, useNumbers, useTrunks, useUsers } from "@/features/admin/api";
import { AUDIT_ACTIONS, wordsOf } from "@/features/admin/audit/actions";
import { factsOf } from "@/features/admin/audit/detail";
import { formatDateTime, formatPhone } from "@/lib/format";
import { ListState, MoreButton } from "@/parts/ListState";
import { Button } from "@/ui/Button";
import { PageHeader } from "@/ui/bits";
import { SelectField } from "@/ui/Field";
import { type Column, Table } from "@/ui/Table";

/** Who did what, when and from where. Nothing here can be changed. */
export function AuditPage() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: "/desk/admin/audit" });
  const users = rowsOf(useUsers());
  const names = useNames();
  const action = search.action ?? "";
  const actor = search.actor ?? "";
  const entries = useInfiniteQuery({
    queryKey: ["audit", action, actor],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/audit", { params: { query: { limit: 50, ...(action ? { action } : {}), ...(actor ? { user_id: actor } : {}), ...(pageParam ? { cursor: pageParam } : {}) } } })),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const rows = rowsOf(entries);
  const view = (next: { action?: string; actor?: string }) => {
    const wanted = { action, actor, ...next };
    void navigate({ to: "/admin/audit", replace: true, search: { ...(wanted.action ? { action: wanted.action } : {}), ...(wanted.actor ? { actor: wanted.actor } : {}) } });
  };
  const actionWords = (one: string): string => (i18n.exists(wordsOf(one)) ? t(wordsOf(one)) : one);
  const offered = [...new Set([...AUDIT_ACTIONS, ...(action ? [action] : [])])].map((value) => ({ value, label: actionWords(value) })).sort((a, b) => a.label.localeCompare(b.label, i18n.language));
  const columns: Column<AuditEntry>[] = [
    {
      key: "at",
      title: t("audit.at"),
      cell: (one) => (
        <>
          <span className="whitespace-nowrap">{formatDateTime(one.at, true)}</span>
          <span className="block text-ink-2 sm:hidden">
            {actionWords(one.action)}
            <Detail entry={one} names={names} below />
          </span>
        </>
      ),
    },
    { key: "who", title: t("audit.who"), cell: (one) => one.user_name ?? t("audit.system") },
    { key: "action", title: t("audit.action"), from: "sm", cell: (one) => <><span title={one.action}>{actionWords(one.action)}</span><span className="block lg:hidden"><Detail entry={one} names={names} below /></span></> },
    { key: "detail", title: t("audit.detail"), from: "lg", className: "max-w-96", cell: (one) => <Detail entry={one} names={names} /> },
    { key: "ip", title: t("audit.ip"), from: "xl", cell: (one) => one.ip ?? "–" },
  ];
  return (
    <>
      <PageHeader title={t("nav.audit")} note={t("audit.note")} />
      <div className="flex flex-wrap gap-3 px-4 pb-3 md:px-6">
        <SelectField className="w-full sm:w-64" label={t("audit.action")} empty={t("ui.all")} options={offered} value={action} onChange={(event) => view({ action: event.target.value })} />
        <SelectField className="w-full sm:w-56" label={t("audit.who")} empty={t("ui.all")} options={users.map((user) => ({ value: user.id, label: user.name }))} value={actor} onChange={(event) => view({ actor: event.target.value })} />
      </div>
      <div className="mx-4 mb-6 rounded-lg border border-line bg-surface md:mx-6">
        <ListState query={entries} count={rows.length} empty={{ icon: History, title: t("audit.none"), help: action || actor ? t("audit.noneHelp") : t("audit.noneYet"), action: action || actor ? <Button onClick={() => view({ action: "", actor: "" })}>{t("ui.showAll")}</Button> : null }}>
          <Table label={t("nav.audit")} columns={columns} rows={rows} id={(one) => one.id} />
          <MoreButton pages={entries} />
        </ListState>
      </div>
    </>
  );
}

const VALUE_WORDS: Readonly<Record<string, string>> = {
  auth: "trunkAuth",
  consent: "consent",
  language: "languageName",
  number_format: "numberFormat",
  outcome: "disposition",
  priority: "priority",
  reason: "auditReason",
  role: "role",
  rule: "blocked",
  second_step: "auditReason",
  status: "leadStatus",
};
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** On what it was done, by the name it has today, and what the entry says besides; nothing of nothing where it stands below the action. */
function Detail({ entry, names, below }: { entry: AuditEntry; names: ReadonlyMap<string, string>; below?: boolean }) {
  const { t, i18n } = useTranslation();
  const plain = (field: string, value: unknown): string => {
    if (value === null || value === undefined || value === "") return "–";
    if (typeof value === "boolean") return t(value ? "audit.yes" : "audit.no");
    if (Array.isArray(value)) return value.map((one) => plain(field, one)).join(", ") || "–";
    if (typeof value === "object") return Object.values(value).map((one) => plain(field, one)).join(":");
    const text = String(value);
    if (UUID.test(text)) return names.get(text) ?? t("audit.gone");
    if (field === "until") return formatDateTime(text);
    const words = VALUE_WORDS[field];
    return words && i18n.exists(`${words}.${text}`) ? t(`${words}.${text}`) : /^\+\d{7,15}$/.test(text) ? formatPhone(text) : text;
  };
  const facts = factsOf(entry.detail).filter(({ field, to }) => field !== "detail" && !(field === "number" && entry.object_type === "number") && !(field === "name" && entry.object_type === "trunk" && names.get(entry.object_id ?? "") === to));
  const about = aboutOf(entry, names, t);
  if (!about && facts.length === 0) return below ? null : "–";
  return (
    <span className="line-clamp-3 text-sm break-words text-ink-2">
      {about ? <span className="text-ink">{about}</span> : null}
      {about && facts.length > 0 ? " · " : null}
      {facts.map(({ field, from, to }) => `${t(`auditField.${field}`, { defaultValue: field.replaceAll("_", " ") })}: ${from === undefined ? "" : `${plain(field, from)} → `}${plain(field, to)}`).join(" · ")}
    </span>
  );
}

/** What the entry is about; nothing where it is the person's own account, or is told by the action alone. */
function aboutOf(entry: AuditEntry, names: ReadonlyMap<string, string>, t: TFunction): ReactNode {
  const { object_type: type, object_id: id } = entry;
  if (!id || id === entry.user_id) return null;
  if (type === "lead") {
    return (
      <Link to="/leads/$leadId" params={{ leadId: id }} className="text-accent hover:underline">
        {t("audit.openLead")}
      </Link>
    );
  }
  if (type === "call" || type === "recording") {
    return (
      <Link to="/calls" search={{ call: id }} className="text-accent hover:underline">
        {t("audit.openCall")}
      </Link>
    );
  }
  if (type === "disposition") return t(`disposition.${id}`, { defaultValue: id });
  if (type === "dnd" || type === "aor") return id;
  return names.get(id) ?? null;
}

/** Names of what the administrator has set up, by id. */
function useNames(): ReadonlyMap<string, string> {
  const { t } = useTranslation();
  const users = rowsOf(useUsers());
  const extensions = rowsOf(useExtensions());
  const trunks = rowsOf(useTrunks());
  const numbers = rowsOf(useNumbers());
  return new Map([
    ...users.map((one): [string, string] => [one.id, one.name]),
    ...extensions.map((one): [string, string] => [one.id, `${t("shell.extension", { number: one.number })} (${one.name})`]),
    ...trunks.map((one): [string, string] => [one.id, one.name]),
    ...numbers.map((one): [string, string] => [one.id, formatPhone(one.number)]),
  ]);
}
