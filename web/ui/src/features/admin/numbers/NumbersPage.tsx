import { zodResolver } from "@hookform/resolvers/zod";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Hash, Plus } from "lucide-react";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { useTranslation } from "react-i18next";
import { z } from "zod";
import { api, unwrap } from "@/api/client";
import type { Number as Did } from "@/api/types";
import { FormDialog } from "@/features/admin/FormDialog";
import { rowsOf, useExtensions, useNumbers, useTrunks } from "@/features/admin/api";
import { formatPhone } from "@/lib/format";
import { applyProblem } from "@/parts/forms";
import { ListState, MoreButton } from "@/parts/ListState";
import { PhoneField } from "@/parts/PhoneField";
import { Button } from "@/ui/Button";
import { Badge, PageHeader } from "@/ui/bits";
import { CheckField, SelectField } from "@/ui/Field";
import { type Column, Table } from "@/ui/Table";
import { toast } from "@/ui/toast";

const PURPOSES = ["general", "promotional", "service"] as const;

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
        <Button look="quiet" size="sm" aria-label={t("ui.editName", { name: formatPhone(one.number) })} onClick={() => setEditing(one)}>
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
          <Button look="primary" onClick={() => setEditing("new")}>
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
      {editing ? <NumberForm did={editing === "new" ? null : editing} onClose={() => setEditing(null)} /> : null}
    </>
  );
}

function NumberForm({ did, onClose }: { did: Did | null; onClose: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const trunks = rowsOf(useTrunks());
  const extensions = rowsOf(useExtensions());
  const [parsed, setParsed] = useState<string | null>(null);
  const schema = z.object({
    number: z.string().trim().min(1, t("form.required")),
    trunk_id: z.string().min(1, t("form.required")),
    destination: z.string(),
    purpose: z.enum(PURPOSES),
    verified: z.boolean(),
  });
  type Body = z.infer<typeof schema>;
  const form = useForm<Body>({
    resolver: zodResolver(schema),
    defaultValues: { number: did ? formatPhone(did.number) : "", trunk_id: did?.trunk_id ?? "", destination: did?.destination?.id ?? "", purpose: PURPOSES.find((one) => one === did?.purpose) ?? "general", verified: did?.verified ?? true },
  });
  const { errors } = form.formState;
  const save = useMutation({
    meta: { quiet: true },
    mutationFn: ({ number, destination, ...rest }: Body) => {
      const target = destination ? { type: "extension" as const, id: destination } : null;
      return did
        ? unwrap(api.PATCH("/numbers/{id}", { params: { path: { id: did.id } }, body: { ...rest, destination: target } }))
        : unwrap(api.POST("/numbers", { body: { ...rest, number: parsed ?? number, destination: target } }));
    },
    onSuccess: (made) => {
      void queries.invalidateQueries({ queryKey: ["numbers"] });
      toast("done", t("numbers.saved", { number: formatPhone(made.number) }));
      onClose();
    },
    onError: (error) => applyProblem(error, form.setError, ["number", "trunk_id", "destination", "purpose", "verified"]),
  });
  return (
    <FormDialog title={did ? formatPhone(did.number) : t("numbers.new")} busy={save.isPending} rootError={errors.root?.message} onClose={onClose} onSubmit={() => void form.handleSubmit((body) => save.mutate(body))()}>
      <PhoneField label={t("numbers.number")} required readOnly={did !== null} hint={did ? t("numbers.numberFixed") : undefined} error={errors.number?.message} onParsed={setParsed} {...form.register("number")} />
      <SelectField label={t("numbers.trunk")} required empty={t("numbers.chooseTrunk")} options={trunks.map((trunk) => ({ value: trunk.id, label: trunk.name }))} error={errors.trunk_id?.message} {...form.register("trunk_id")} />
      <SelectField label={t("numbers.destination")} empty={t("numbers.nowhere")} options={extensions.map((one) => ({ value: one.id, label: `${one.number} · ${one.name}` }))} error={errors.destination?.message} {...form.register("destination")} />
      <SelectField label={t("numbers.purpose")} options={PURPOSES.map((value) => ({ value, label: t(`numberPurpose.${value}`) }))} error={errors.purpose?.message} {...form.register("purpose")} />
      <CheckField label={t("numbers.mayShow")} hint={t("numbers.mayShowHint")} {...form.register("verified")} />
    </FormDialog>
  );
}
