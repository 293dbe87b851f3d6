import { zodResolver } from "@hookform/resolvers/zod";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useForm } from "react-hook-form";
import { useTranslation } from "react-i18next";
import * as z from "zod/mini";
import { api, unwrap } from "@/api/client";
import type { Extension } from "@/api/types";
import { FormDialog } from "@/features/admin/FormDialog";
import { rowsOf, useExtensions, useUsers } from "@/features/admin/api";
import { applyProblem } from "@/parts/forms";
import { CheckField, SelectField, TextField } from "@/ui/Field";
import { toast } from "@/ui/toast";

export function ExtensionForm({ extension, onClose, onCreated }: { extension: Extension | null; onClose: () => void; onCreated: (made: Extension) => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const users = rowsOf(useUsers());
  const taken = rowsOf(useExtensions());
  const schema = z.object({
    number: z.string().check(z.regex(/^\d{2,6}$/, t("extensions.numberRule"))),
    name: z.string().check(z.trim(), z.minLength(1, t("form.required"))),
    user_id: z.string(),
    nat: z.boolean(),
    ring_timeout_s: z.int(t("form.number")).check(z.minimum(5, t("extensions.ringRule")), z.maximum(120, t("extensions.ringRule"))),
  });
  type Body = z.infer<typeof schema>;
  const form = useForm<Body>({
    resolver: zodResolver(schema),
    defaultValues: { number: extension?.number ?? nextAfter(taken), name: extension?.name ?? "", user_id: extension?.user_id ?? "", nat: extension?.nat ?? true, ring_timeout_s: extension?.ring_timeout_s ?? 25 },
  });
  const { errors } = form.formState;
  const owner = form.register("user_id", {
    // A phone is called after its person, until somebody writes another name.
    onChange: (event: { target: { value: string } }) => {
      const chosen = users.find((user) => user.id === event.target.value);
      const written = form.getValues("name");
      if (chosen && (written === "" || users.some((user) => user.name === written))) form.setValue("name", chosen.name, { shouldValidate: form.formState.isSubmitted });
    },
  });
  const save = useMutation({
    meta: { quiet: true },
    mutationFn: ({ number, user_id, ...rest }: Body) =>
      extension
        ? unwrap(api.PATCH("/extensions/{id}", { params: { path: { id: extension.id } }, body: { ...rest, user_id: user_id || null } }))
        : unwrap(api.POST("/extensions", { body: { ...rest, number, ...(user_id ? { user_id } : {}) } })),
    onSuccess: (made) => {
      void queries.invalidateQueries({ queryKey: ["extensions"] });
      toast("done", t("extensions.saved", { number: made.number }));
      onClose();
      if (!extension) onCreated(made);
    },
    onError: (error) => applyProblem(error, form.setError, ["number", "name", "user_id", "nat", "ring_timeout_s"]),
  });
  return (
    <FormDialog title={extension ? t("extensions.edit", { number: extension.number }) : t("extensions.new")} busy={save.isPending} rootError={errors.root?.message} onClose={onClose} onSubmit={() => void form.handleSubmit((body) => save.mutate(body))()}>
      <TextField label={t("extensions.number")} required inputMode="numeric" readOnly={extension !== null} hint={t("extensions.numberRule")} error={errors.number?.message} {...form.register("number")} />
      <SelectField label={t("extensions.user")} empty={t("extensions.nobody")} options={users.map((user) => ({ value: user.id, label: `${user.name} (${user.email})` }))} error={errors.user_id?.message} {...owner} />
      <TextField label={t("extensions.name")} required error={errors.name?.message} {...form.register("name")} />
      <TextField label={t("extensions.ring")} type="number" min={5} max={120} error={errors.ring_timeout_s?.message} {...form.register("ring_timeout_s", { valueAsNumber: true })} />
      <CheckField label={t("extensions.nat")} hint={t("extensions.natHint")} {...form.register("nat")} />
    </FormDialog>
  );
}

/** The emergency number is nobody's extension. */
const EMERGENCY = 112;

/** The number after the highest in use: extensions are given out in a row. */
function nextAfter(taken: readonly Extension[]): string {
  const next = Math.max(100, ...taken.map((one) => Number(one.number)).filter((number) => number < 999_999)) + 1;
  return String(next === EMERGENCY ? next + 1 : next);
}
