import { Hash, Plus } from "lucide-react";
import { type ComponentProps, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Number as Did } from "@/api/types";
import type { NumberForm } from "@/features/admin/numbers/NumberForm";
import { rowsOf, useNumbers } from "@/features/admin/api";
import { formatPhone } from "@/lib/format";
import { laterForm } from "@/parts/laterForm";
import { ListState, MoreButton } from "@/parts/ListState";
import { Button } from "@/ui/Button";
import { Badge, PageHeader } from "@/ui/bits";
import { type Column, Table } from "@/ui/Table";

const form = laterForm<ComponentProps<typeof NumberForm>>(() => import("@/features/admin/numbers/NumberForm").then((loaded) => loaded.NumberForm));

/** The numbers people dial, and where they lead. */
export function NumbersPage() {
  const { t } = useTranslation();
  const numbers = useNumbers();
  const rows = rowsOf(numbers);
  const [editing, setEditing] = useState<Did | "new" | null>(null);
  const rings = (one: Did) => (one.destination ? t("numbers.toExtension", { number: one.destination_extension ?? "?" }) : <Badge tone="wait">{t("numbers.nowhere")}</Badge>);
  const columns: Column<Did>[] = [
    {
      key: "number",
      title: t("numbers.number"),
      cell: (one) => (
        <>
          <span className="font-semibold whitespace-nowrap">{formatPhone(one.number)}</span>
          <span className="mt-0.5 block text-ink-2 sm:hidden">{rings(one)}</span>
        </>
      ),
    },
    { key: "destination", title: t("numbers.destination"), from: "sm", cell: rings },
    { key: "trunk", title: t("numbers.trunk"), from: "sm", cell: (one) => one.trunk_name ?? "–" },
    { key: "purpose", title: t("numbers.purpose"), from: "md", cell: (one) => t(`numberPurpose.${one.purpose}`, { defaultValue: one.purpose }) },
    { key: "verified", title: t("numbers.callerId"), from: "md", cell: (one) => <Badge tone={one.verified ? "good" : "plain"}>{one.verified ? t("numbers.verified") : t("numbers.unverified")}</Badge> },
    {
      key: "do",
      title: <span className="sr-only">{t("ui.actions")}</span>,
      className: "text-right",
      cell: (one) => (
        <Button look="quiet" size="sm" aria-label={t("ui.editName", { name: formatPhone(one.number) })} onClick={() => setEditing(one)} {...form.near}>
          {t("ui.edit")}
        </Button>
      ),
    },
  ];
  return (
    <>
      <PageHeader
        title={t("nav.numbers")}
        note={t("numbers.note")}
        actions={
          <Button look="primary" onClick={() => setEditing("new")} {...form.near}>
            <Plus className="size-4" aria-hidden="true" />
            {t("numbers.new")}
          </Button>
        }
      />
      <div className="mx-4 mb-6 rounded-lg border border-line bg-surface md:mx-6">
        <ListState query={numbers} count={rows.length} empty={{ icon: Hash, title: t("numbers.none"), help: t("numbers.noneHelp") }}>
          <Table label={t("nav.numbers")} columns={columns} rows={rows} id={(one) => one.id} />
          <MoreButton pages={numbers} />
        </ListState>
      </div>
      {editing ? <form.Part did={editing === "new" ? null : editing} onClose={() => setEditing(null)} /> : null}
    </>
  );
}
