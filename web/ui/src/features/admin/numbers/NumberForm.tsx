import { zodResolver } from "@hookform/resolvers/zod";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { useTranslation } from "react-i18next";
import * as z from "zod/mini";
import { api, unwrap } from "@/api/client";
import type { Number as Did } from "@/api/types";
import { FormDialog } from "@/features/admin/FormDialog";
import { rowsOf, useExtensions, useTrunks } from "@/features/admin/api";
import { formatPhone } from "@/lib/format";
import { applyProblem } from "@/parts/forms";
import { PhoneField } from "@/parts/PhoneField";
import { CheckField, SelectField } from "@/ui/Field";
import { toast } from "@/ui/toast";

const PURPOSES = ["general", "promotional", "service"] as const;

/** Which carrier brings a number, and whom it rings. */
export function NumberForm({ did, onClose }: { did: Did | null; onClose: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const trunks = rowsOf(useTrunks());
  const extensions = rowsOf(useExtensions());
  const [parsed, setParsed] = useState<string | null>(null);
  const schema = z.object({
    number: z.string().check(z.trim(), z.minLength(1, t("form.required"))),
    trunk_id: z.string().check(z.minLength(1, t("form.required"))),
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
