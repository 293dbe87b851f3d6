import { zodResolver } from "@hookform/resolvers/zod";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useForm, useWatch } from "react-hook-form";
import { useTranslation } from "react-i18next";
import * as z from "zod/mini";
import { api, unwrap } from "@/api/client";
import { useMe } from "@/api/me";
import type { Role, User } from "@/api/types";
import { CopyText } from "@/parts/CopyText";
import { FormDialog } from "@/features/admin/FormDialog";
import { useEverybody } from "@/features/admin/api";
import { SignInHelp } from "@/features/admin/users/SignInHelp";
import { LANGUAGES } from "@/i18n";
import { applyProblem } from "@/parts/forms";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { SelectField, TextField } from "@/ui/Field";
import { toast } from "@/ui/toast";

const ROLES: readonly Role[] = ["telecaller", "manager", "admin", "field_agent", "viewer", "platform_admin"];

export function UserForm({ user, onClose }: { user: User | null; onClose: () => void }) {
  const { t } = useTranslation();
  const me = useMe();
  const queries = useQueryClient();
  const users = useEverybody().data ?? [];
  const [password, setPassword] = useState<{ email: string; password: string } | null>(null);
  const schema = z.object({
    name: z.string().check(z.trim(), z.minLength(1, t("form.required"))),
    email: z.string().check(z.trim(), z.minLength(1, t("form.required")), z.email(t("form.email"))),
    role: z.enum(ROLES),
    language: z.enum(["en", "hi"]),
    team: z.string().check(z.trim()),
    reports_to: z.string(),
    password: z.union([z.literal(""), z.string().check(z.minLength(10, t("form.min", { count: 10 })))]),
  });
  type Body = z.infer<typeof schema>;
  const form = useForm<Body>({
    resolver: zodResolver(schema),
    defaultValues: { name: user?.name ?? "", email: user?.email ?? "", role: user?.role ?? "telecaller", language: user?.language === "hi" ? "hi" : "en", team: user?.team ?? "", reports_to: user?.reports_to ?? "", password: "" },
  });
  const { errors } = form.formState;
  const role = useWatch({ control: form.control, name: "role" });
  const teams = [...new Set(users.flatMap((one) => (one.team ? [one.team] : [])))].sort();
  const save = useMutation({
    meta: { quiet: true },
    mutationFn: async ({ email, password: secret, ...fields }: Body): Promise<{ email: string; password: string } | null> => {
      const given = secret ? { password: secret } : {};
      const body = { ...fields, team: fields.team || null, reports_to: fields.reports_to || null };
      if (user) {
        await unwrap(api.PATCH("/users/{id}", { params: { path: { id: user.id } }, body: { ...body, ...given } }));
        return null;
      }
      const made = await unwrap(api.POST("/users", { body: { ...body, email, ...given } }));
      return made.password ? { email, password: made.password } : null;
    },
    onSuccess: (made) => {
      void queries.invalidateQueries({ queryKey: ["users"] });
      toast("done", t("users.saved"));
      if (made) setPassword(made);
      else onClose();
    },
    onError: (error) => applyProblem(error, form.setError, ["name", "email", "role", "language", "team", "reports_to", "password"]),
  });
  if (password) {
    return (
      <Dialog open onClose={onClose} title={t("users.passwordTitle")} note={t("users.passwordNote")} footer={<Button look="primary" onClick={onClose}>{t("ui.done")}</Button>}>
        <div className="flex flex-col gap-3">
          <CopyText label={t("signIn.email")} text={password.email} />
          <CopyText label={t("signIn.password")} text={password.password} />
          <p className="text-sm text-ink-2">{t("users.passwordNext")}</p>
        </div>
      </Dialog>
    );
  }
  // Who reports to somebody may be led by anybody but themselves.
  const leaders = users.filter((one) => one.id !== user?.id && (one.active || one.id === user?.reports_to));
  const roles = ROLES.filter((role) => role !== "platform_admin" || me?.role === "platform_admin");
  return (
    <FormDialog title={user ? user.name : t("users.new")} busy={save.isPending} rootError={errors.root?.message} onClose={onClose} onSubmit={() => void form.handleSubmit((body) => save.mutate(body))()}>
      <TextField label={t("users.name")} required error={errors.name?.message} {...form.register("name")} />
      <TextField label={t("signIn.email")} type="email" required readOnly={user !== null} hint={user ? t("users.emailFixed") : undefined} error={errors.email?.message} {...form.register("email")} />
      <SelectField label={t("users.role")} options={roles.map((value) => ({ value, label: t(`role.${value}`) }))} error={errors.role?.message} {...form.register("role")} />
      <TextField label={t("users.team")} list="teams" maxLength={60} hint={t(role === "manager" ? "users.teamHintManager" : "users.teamHint")} error={errors.team?.message} {...form.register("team")} />
      <datalist id="teams">{teams.map((team) => <option key={team} value={team} />)}</datalist>
      <SelectField label={t("users.reportsTo")} empty={t("users.nobody")} options={leaders.map((one) => ({ value: one.id, label: one.name }))} hint={t("users.reportsToHint")} error={errors.reports_to?.message} {...form.register("reports_to")} />
      <SelectField label={t("shell.language")} options={LANGUAGES} error={errors.language?.message} {...form.register("language")} />
      <TextField label={user ? t("users.newPassword") : t("signIn.password")} type="password" autoComplete="new-password" hint={user ? t("users.newPasswordHint") : t("users.passwordHint")} error={errors.password?.message} {...form.register("password")} />
      {user && user.id !== me?.id ? <SignInHelp user={user} /> : null}
    </FormDialog>
  );
}
