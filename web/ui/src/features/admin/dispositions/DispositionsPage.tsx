import { ListChecks } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Disposition } from "@/api/types";
import { nameOf, useDispositions } from "@/parts/dispositions";
import { ListState } from "@/parts/ListState";
import { Badge, PageHeader } from "@/ui/bits";
import { type Column, Table } from "@/ui/Table";

/** The outcomes a call can have, and what follows from each. */
export function DispositionsPage() {
  const { t, i18n } = useTranslation();
  const all = useDispositions();
  const rows = all.data ?? [];
  const offered = rows.filter((one) => one.active);
  const keyOf = (one: Disposition): number | null => (one.active && offered.indexOf(one) < 9 ? offered.indexOf(one) + 1 : null);
  const every = (minutes: number | null | undefined): string => {
    if (typeof minutes !== "number") return "–";
    if (minutes < 60) return t("age.minute", { count: minutes });
    return minutes < 2880 ? t("age.hour", { count: Math.round(minutes / 60) }) : t("age.day", { count: Math.round(minutes / 1440) });
  };
  const columns: Column<Disposition>[] = [
    {
      key: "name",
      title: t("dispositions.name"),
      cell: (one) => (
        <span className="flex items-center gap-3">
          {keyOf(one) ? (
            <kbd className="kbd shrink-0" title={t("dispositions.key")}>
              {keyOf(one)}
            </kbd>
          ) : (
            <span className="w-[1.35rem] shrink-0" aria-hidden="true" />
          )}
          <span>
            <span className="block font-semibold">{nameOf(one, i18n.language)}</span>
            <span className="block text-xs text-ink-3">{one.code}</span>
          </span>
        </span>
      ),
    },
    { key: "group", title: t("dispositions.group"), from: "sm", className: "whitespace-nowrap", cell: (one) => t(`dispositionGroup.${one.group}`, { defaultValue: one.group }) },
    { key: "required", title: t("dispositions.required"), from: "md", cell: (one) => (one.required.length > 0 ? one.required.map((need) => t(`dispositions.need.${need}`, { defaultValue: need })).join(", ") : "–") },
    { key: "retry", title: t("dispositions.retry"), cell: (one) => every(one.retry_after_minutes) },
    { key: "next", title: t("dispositions.next"), from: "md", cell: (one) => t(`nextAction.${one.next_action}`, { defaultValue: one.next_action.replaceAll("_", " ") }) },
    { key: "reasons", title: t("dispositions.reasons"), from: "xl", cell: (one) => (one.sub_dispositions.length > 0 ? one.sub_dispositions.map((sub) => t(`sub.${sub}`, { defaultValue: sub })).join(", ") : "–") },
    { key: "active", title: t("users.status"), from: "lg", cell: (one) => <Badge tone={one.active ? "good" : "plain"}>{one.active ? t("dispositions.offered") : t("dispositions.hidden")}</Badge> },
  ];
  return (
    <>
      <PageHeader title={t("nav.dispositions")} note={t("dispositions.note")} />
      <div className="mx-4 mb-6 rounded-lg border border-line bg-surface md:mx-6">
        <ListState query={all} count={rows.length} empty={{ icon: ListChecks, title: t("dispositions.none") }}>
          <Table label={t("nav.dispositions")} columns={columns} rows={rows} id={(one) => one.code} muted={(one) => !one.active} />
        </ListState>
      </div>
    </>
  );
}
