import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { History } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import type { AuditEntry } from "@/api/types";
import { rowsOf, useUsers } from "@/features/admin/api";
import { formatDateTime } from "@/lib/format";
import { useSettled } from "@/lib/useSettled";
import { ListState, MoreButton } from "@/parts/ListState";
import { PageHeader } from "@/ui/bits";
import { SelectField, TextField } from "@/ui/Field";
import { type Column, Table } from "@/ui/Table";

/** Who did what, when and from where. Nothing here can be changed. */
export function AuditPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: "/desk/admin/audit" });
  const users = rowsOf(useUsers());
  const [text, setText] = useState(search.action ?? "");
  const action = useSettled(text.trim(), 250);
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
  useEffect(() => {
    if ((search.action ?? "") !== action) view({ action });
    // Only the settled text moves the address.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [action]);
  const columns: Column<AuditEntry>[] = [
    { key: "at", title: t("audit.at"), cell: (one) => <><span className="whitespace-nowrap">{formatDateTime(one.at)}</span><code className="block font-mono text-sm break-all text-ink-2 sm:hidden">{one.action}</code></> },
    { key: "who", title: t("audit.who"), cell: (one) => one.user_name ?? t("audit.system") },
    { key: "action", title: t("audit.action"), from: "sm", cell: (one) => <code className="font-mono text-sm">{one.action}</code> },
    { key: "object", title: t("audit.object"), from: "md", cell: (one) => (one.object_type ? <span title={one.object_id ?? undefined}>{one.object_type}</span> : "–") },
    { key: "detail", title: t("audit.detail"), from: "lg", className: "max-w-96", cell: (one) => <Detail detail={one.detail} /> },
    { key: "ip", title: t("audit.ip"), from: "xl", cell: (one) => one.ip ?? "–" },
  ];
  return (
    <>
      <PageHeader title={t("nav.audit")} note={t("audit.note")} />
      <div className="flex flex-wrap gap-3 px-4 pb-3 md:px-6">
        <TextField className="w-full sm:w-64" label={t("audit.action")} placeholder="extension.secret" value={text} onChange={(event) => setText(event.target.value)} />
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

function Detail({ detail }: { detail: AuditEntry["detail"] }) {
  const pairs = Object.entries((detail ?? {}) as Record<string, unknown>);
  if (pairs.length === 0) return "–";
  return <span className="line-clamp-2 text-sm break-words text-ink-2">{pairs.map(([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : String(value)}`).join(" · ")}</span>;
}
