import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { signOut } from "@/api/session";
import { CurrentPassword, Refusal, faultsOf } from "@/features/account/Proof";
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
  const { problem, faultOf } = faultsOf(change.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setShort(wanted.length < 10);
    if (wanted.length >= 10) change.mutate();
  };
  return (
    <Dialog open onClose={onClose} title={t("account.changePassword")} note={t("account.passwordHelp")}>
      <form onSubmit={submit} noValidate className="flex flex-col gap-4">
        <CurrentPassword value={current} wrong={faultOf("current_password") !== undefined} onChange={setCurrent} />
        <TextField
          label={t("passwords.new")}
          hint={t("passwords.newHint")}
          type="password"
          autoComplete="new-password"
          required
          value={wanted}
          error={short ? t("form.min", { count: 10 }) : faultOf("new_password")}
          onChange={(event) => setWanted(event.target.value)}
        />
        <Refusal problem={problem} />
        <Button look="primary" type="submit" busy={change.isPending} className="self-end">
          {t("account.changePassword")}
        </Button>
      </form>
    </Dialog>
  );
}
