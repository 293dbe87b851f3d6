import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Phone, Plus } from "lucide-react";
import { type ComponentProps, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import type { Extension } from "@/api/types";
import { rowsOf, useExtensions } from "@/features/admin/api";
import type { ExtensionForm } from "@/features/admin/extensions/ExtensionForm";
import type { PhoneSetup } from "@/features/admin/extensions/PhoneSetup";
import { laterForm } from "@/parts/laterForm";
import { ListState, MoreButton } from "@/parts/ListState";
import { Button } from "@/ui/Button";
import { Badge, PageHeader } from "@/ui/bits";
import { type Column, Table } from "@/ui/Table";
import { toast } from "@/ui/toast";

const form = laterForm<ComponentProps<typeof ExtensionForm>>(() => import("@/features/admin/extensions/ExtensionForm").then((loaded) => loaded.ExtensionForm));
const phoneSetup = laterForm<ComponentProps<typeof PhoneSetup>>(() => import("@/features/admin/extensions/PhoneSetup").then((loaded) => loaded.PhoneSetup));

/** The phones of the house. */
export function ExtensionsPage() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [editing, setEditing] = useState<Extension | "new" | null>(null);
  const [settingUp, setSettingUp] = useState<Extension | null>(null);
  const extensions = useExtensions(settingUp !== null);
  const rows = rowsOf(extensions);
  // The newest of it: whether its phone has registered meanwhile is what one waits for.
  const setup = rows.find((one) => one.id === settingUp?.id) ?? settingUp;
  const activate = useMutation({
    mutationFn: ({ one, active }: { one: Extension; active: boolean }) => unwrap(api.PATCH("/extensions/{id}", { params: { path: { id: one.id } }, body: { active } })),
    onSuccess: (_answer, { one, active }) => {
      void queries.invalidateQueries({ queryKey: ["extensions"] });
      toast("done", t(active ? "extensions.activated" : "extensions.deactivated", { number: one.number }), { undoLabel: t("ui.undo"), undo: () => activate.mutate({ one, active: !active }) });
    },
  });
  const state = (one: Extension) =>
    one.active ? <Badge tone={one.registered ? "good" : "wait"}>{one.registered ? t("extensions.registered") : t("extensions.notRegistered")}</Badge> : <Badge>{t("extensions.off")}</Badge>;
  const columns: Column<Extension>[] = [
    {
      key: "number",
      title: t("extensions.number"),
      cell: (one) => (
        <>
          <span className="text-lg font-semibold">{one.number}</span>
          <span className="block sm:hidden">{one.name}</span>
          <span className="mt-0.5 block sm:hidden">{state(one)}</span>
        </>
      ),
    },
    {
      key: "name",
      title: t("extensions.name"),
      from: "sm",
      cell: (one) => (
        <>
          {one.name}
          {one.user_name && one.user_name !== one.name ? <span className="block text-sm text-ink-2">{one.user_name}</span> : null}
        </>
      ),
    },
    { key: "type", title: t("extensions.type"), from: "md", cell: (one) => t(`extensionType.${one.type}`) },
    {
      key: "registered",
      title: t("extensions.phone"),
      from: "sm",
      cell: (one) =>
        one.active ? (
          <>
            {state(one)}
            {one.registrations.map((phone) => (
              <span key={phone.source} className="mt-0.5 hidden text-xs text-ink-3 lg:block">
                {[phone.user_agent, phone.transport.toUpperCase(), phone.source].filter(Boolean).join(" · ")}
              </span>
            ))}
          </>
        ) : (
          state(one)
        ),
    },
    {
      key: "do",
      title: <span className="sr-only">{t("ui.actions")}</span>,
      className: "text-right sm:whitespace-nowrap",
      cell: (one) => (
        <>
          <Button look="plain" size="sm" aria-label={`${t("extensions.setup")}: ${one.number}`} onClick={() => setSettingUp(one)} {...phoneSetup.near}>
            {t("extensions.setup")}
          </Button>{" "}
          <Button look="quiet" size="sm" aria-label={t("ui.editName", { name: one.number })} onClick={() => setEditing(one)} {...form.near}>
            {t("ui.edit")}
          </Button>
          <Button look="quiet" size="sm" className="!hidden lg:!inline-flex" aria-label={`${one.active ? t("extensions.switchOff") : t("extensions.switchOn")}: ${one.number}`} onClick={() => activate.mutate({ one, active: !one.active })}>
            {one.active ? t("extensions.switchOff") : t("extensions.switchOn")}
          </Button>
        </>
      ),
    },
  ];
  return (
    <>
      <PageHeader
        title={t("nav.extensions")}
        note={t("extensions.note")}
        actions={
          <Button look="primary" onClick={() => setEditing("new")} {...form.near}>
            <Plus className="size-4" aria-hidden="true" />
            {t("extensions.new")}
          </Button>
        }
      />
      <div className="mx-4 mb-6 rounded-lg border border-line bg-surface md:mx-6">
        <ListState query={extensions} count={rows.length} empty={{ icon: Phone, title: t("extensions.none"), help: t("extensions.noneHelp") }}>
          <Table label={t("nav.extensions")} columns={columns} rows={rows} id={(one) => one.id} muted={(one) => !one.active} />
          <MoreButton pages={extensions} />
        </ListState>
      </div>
      {editing ? <form.Part extension={editing === "new" ? null : editing} onClose={() => setEditing(null)} onCreated={setSettingUp} /> : null}
      {setup ? <phoneSetup.Part extension={setup} onClose={() => setSettingUp(null)} /> : null}
    </>
  );
}
