import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { CurrentPassword, Refusal, faultsOf } from "@/features/account/Proof";
import { RecoveryCodes } from "@/features/account/RecoveryCodes";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { toast } from "@/ui/toast";

/** Switching it off, or new recovery codes: both by password and code. */
export function OtpChange({ what, onClose }: { what: "switch-off" | "codes"; onClose: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const off = what === "switch-off";
  const change = useMutation({
    meta: { quiet: true },
    mutationFn: async (): Promise<string[]> => {
      const body = { current_password: password, code: code.trim() };
      if (!off) return (await unwrap(api.POST("/me/otp/recovery-codes", { body }))).recovery_codes;
      await unwrap(api.POST("/me/otp/disable", { body }));
      return [];
    },
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["me", "otp"] });
      if (!off) return;
      toast("done", t("account.switchedOff"));
      onClose();
    },
  });
  if (change.data && !off) return <RecoveryCodes codes={change.data} onClose={onClose} />;
  const { problem, faultOf } = faultsOf(change.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <Dialog open onClose={onClose} title={off ? t("account.switchOffTitle") : t("account.newCodes")} note={off ? t("account.switchOffNote") : t("account.newCodesNote")}>
      <form onSubmit={submit} noValidate className="flex flex-col gap-4">
        <CurrentPassword autoFocus value={password} wrong={faultOf("current_password") !== undefined} onChange={setPassword} />
        <TextField
          label={t("signIn.otp")}
          hint={t("account.otpHint")}
          autoComplete="one-time-code"
          required
          value={code}
          error={faultOf("code") === undefined ? null : t("account.wrongCode")}
          onChange={(event) => setCode(event.target.value)}
        />
        <Refusal problem={problem} />
        <Button look={off ? "alarm" : "primary"} type="submit" busy={change.isPending} className="self-end">
          {off ? t("account.switchOff") : t("account.newCodes")}
        </Button>
      </form>
    </Dialog>
  );
}
