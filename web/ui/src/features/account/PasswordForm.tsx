import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { asProblem } from "@/api/problem";
import { signOut } from "@/api/session";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { toast } from "@/ui/toast";

/** A new password; every session ends, this one as well. */
export function PasswordForm({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const [current, setCurrent] = useState("");
  const [wanted, setWanted] = useState("");
  const [short, setShort] = useState(false);
  const change = useMutation({
    meta: { quiet: true },
    mutationFn: () => unwrap(api.POST("/me/password", { body: { current_password: current, new_password: wanted } })),
    onSuccess: () => {
      toast("done", t("account.passwordChanged"));
      void signOut();
    },
  });
  const problem = change.error ? asProblem(change.error) : null;
  const faultOf = (field: string) => problem?.fields.find((fault) => fault.field === field);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setShort(wanted.length < 10);
    if (wanted.length >= 10) change.mutate();
  };
  return (
    <Dialog open onClose={onClose} title={t("account.changePassword")} note={t("account.passwordHelp")}>
      <form onSubmit={submit} noValidate className="flex flex-col gap-4">
        <TextField
          label={t("account.currentPassword")}
          type="password"
          autoComplete="current-password"
          required
          value={current}
          error={faultOf("current_password") ? t("account.wrongPassword") : null}
          onChange={(event) => setCurrent(event.target.value)}
        />
        <TextField
          label={t("passwords.new")}
          hint={t("passwords.newHint")}
          type="password"
          autoComplete="new-password"
          required
          value={wanted}
          error={short ? t("form.min", { count: 10 }) : faultOf("new_password")?.message}
          onChange={(event) => setWanted(event.target.value)}
        />
        {problem && problem.fields.length === 0 ? (
          <p role="alert" className="text-alarm">
            {problem.status === 429 ? t("signIn.tooMany") : problem.message}
          </p>
        ) : null}
        <Button look="primary" type="submit" busy={change.isPending} className="self-end">
          {t("account.changePassword")}
        </Button>
      </form>
    </Dialog>
  );
}
