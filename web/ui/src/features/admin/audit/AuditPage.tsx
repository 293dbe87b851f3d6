import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { History } from "lucide-react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import type { AuditEntry } from "@/api/types";
import { rowsOf, useUsers } from "@/features/admin/api";
import { AUDIT_ACTIONS, wordsOf } from "@/features/admin/audit/actions";
import { formatDateTime } from "@/lib/format";
import { ListState, MoreButton } from "@/parts/ListState";
import { PageHeader } from "@/ui/bits";
import { SelectField } from "@/ui/Field";
import { type Column, Table } from "@/ui/Table";

/** Who did what, when and from where. Nothing here can be changed. */
export function AuditPage() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: "/desk/admin/audit" });
  const users = rowsOf(useUsers());
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
    { key: "at", title: t("audit.at"), cell: (one) => <><span className="whitespace-nowrap">{formatDateTime(one.at)}</span><span className="block text-ink-2 sm:hidden">{actionWords(one.action)}</span></> },
    { key: "who", title: t("audit.who"), cell: (one) => one.user_name ?? t("audit.system") },
    { key: "action", title: t("audit.action"), from: "sm", cell: (one) => <><span className="block">{actionWords(one.action)}</span>{actionWords(one.action) === one.action ? null : <code className="block font-mono text-xs text-ink-3">{one.action}</code>}</> },
    { key: "detail", title: t("audit.detail"), from: "lg", className: "max-w-96", cell: (one) => <Detail detail={one.detail} /> },
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
        <ListState query={entries} count={rows.length} empty={{ icon: History, title: t("audit.none"), help: t("audit.noneHelp") }}>
          <Table label={t("nav.audit")} columns={columns} rows={rows} id={(one) => one.id} />
          <MoreButton pages={entries} />
        </ListState>
      </div>
    </>
  );
}

/** One value of a detail in plain words; a change as what it was and what it is. */
function plain(value: unknown, t: (key: string) => string): string {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "boolean") return t(value ? "audit.yes" : "audit.no");
  if (Array.isArray(value)) return value.map((one) => plain(one, t)).join(", ");
  if (typeof value !== "object") return String(value);
  const pairs = value as Record<string, unknown>;
  for (const [before, after] of [["from", "to"], ["before", "after"]] as const) {
    if (before in pairs && after in pairs) return `${plain(pairs[before], t)} → ${plain(pairs[after], t)}`;
  }
  return Object.entries(pairs).map(([key, one]) => `${key.replaceAll("_", " ")} ${plain(one, t)}`).join(", ");
}

function Detail({ detail }: { detail: AuditEntry["detail"] }) {
  const { t } = useTranslation();
  const pairs = Object.entries((detail ?? {}) as Record<string, unknown>);
  if (pairs.length === 0) return "–";
  return <span className="line-clamp-2 text-sm break-words text-ink-2">{pairs.map(([key, value]) => `${key.replaceAll("_", " ")}: ${plain(value, t)}`).join(" · ")}</span>;
}
