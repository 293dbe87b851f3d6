import { zodResolver } from "@hookform/resolvers/zod";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { useTranslation } from "react-i18next";
import * as z from "zod/mini";
import { api, unwrap } from "@/api/client";
import { PhoneField } from "@/parts/PhoneField";
import { applyProblem } from "@/parts/forms";
import { SAVE_KEYS, submitForm, useSaveKey } from "@/parts/saveKey";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";

const FORM = "new-lead";

/** A person nobody has written down yet. */
export function NewLead({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  useSaveKey(submitForm(FORM));
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [phone, setPhone] = useState<string | null>(null);
  const schema = z.object({
    name: z.string().check(z.trim(), z.minLength(1, t("form.required")), z.maxLength(200, t("refusal.too_long"))),
    phone: z.string().check(z.trim(), z.minLength(1, t("form.required"))),
    organisation: z.string().check(z.trim(), z.maxLength(200, t("refusal.too_long"))),
    email: z.union([z.literal(""), z.email(t("form.email"))]),
  });
  const form = useForm({ resolver: zodResolver(schema), defaultValues: { name: "", phone: "", organisation: "", email: "" } });
  const { errors } = form.formState;
  const create = useMutation({
    meta: { quiet: true },
    mutationFn: (body: { name: string; phone: string; organisation: string; email: string }) =>
      unwrap(api.POST("/leads", { body: { name: body.name, phone: phone ?? body.phone, ...(body.organisation ? { organisation: body.organisation } : {}), ...(body.email ? { email: body.email } : {}) } })),
    onSuccess: (lead) => {
      void queries.invalidateQueries({ queryKey: ["leads"] });
      onClose();
      void navigate({ to: "/leads/$leadId", params: { leadId: lead.id } });
    },
    onError: (error) => applyProblem(error, form.setError, ["name", "phone", "organisation", "email"]),
  });
  return (
    <Dialog
      open
      onClose={onClose}
      title={t("leads.new")}
      footer={
        <>
          <Button onClick={onClose}>{t("ui.cancel")}</Button>
          <Button look="primary" type="submit" form={FORM} keys={SAVE_KEYS} actionId="form.save" busy={create.isPending}>
            {t("ui.save")}
          </Button>
        </>
      }
    >
      <form id={FORM} noValidate className="flex flex-col gap-4" onSubmit={(event) => void form.handleSubmit((body) => create.mutate(body))(event)}>
        <TextField label={t("lead.name")} required error={errors.name?.message} {...form.register("name")} />
        <PhoneField label={t("lead.phone")} required error={errors.phone?.message} onParsed={setPhone} {...form.register("phone")} />
        <TextField label={t("lead.organisation")} error={errors.organisation?.message} {...form.register("organisation")} />
        <TextField label={t("lead.email")} type="email" error={errors.email?.message} {...form.register("email")} />
        {errors.root ? (
          <p role="alert" className="text-alarm">
            {errors.root.message}
          </p>
        ) : null}
      </form>
    </Dialog>
  );
}
