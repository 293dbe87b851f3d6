import { useMutation, useQueryClient } from "@tanstack/react-query";
import { generate } from "lean-qr";
import { toSvgPath } from "lean-qr/extras/svg";
import { type FormEvent, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { asProblem } from "@/api/problem";
import { RecoveryCodes } from "@/features/account/RecoveryCodes";
import { CopyText } from "@/parts/CopyText";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";

/** Password, then the picture to scan and a code of it, then the recovery codes. */
export function OtpSetUp({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const begin = useMutation({ meta: { quiet: true }, mutationFn: () => unwrap(api.POST("/me/otp", { body: { current_password: password } })) });
  const confirm = useMutation({
    meta: { quiet: true },
    mutationFn: () => unwrap(api.POST("/me/otp/confirm", { body: { code } })),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["me", "otp"] }),
  });
  if (confirm.data) return <RecoveryCodes codes={confirm.data.recovery_codes} onClose={onClose} />;
  const problem = confirm.error ? asProblem(confirm.error) : begin.error ? asProblem(begin.error) : null;
  const told = problem && problem.fields.length === 0 ? (problem.status === 429 ? t("signIn.tooMany") : problem.message) : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (begin.data) confirm.mutate();
    else begin.mutate();
  };
  return (
    <Dialog open onClose={onClose} title={t("account.setUpTitle")} note={begin.data ? undefined : t("account.proveFirst")}>
      <form onSubmit={submit} noValidate className="flex flex-col gap-4">
        {begin.data ? (
          <>
            <p className="text-ink-2">{t("account.scan")}</p>
            <Picture text={begin.data.uri} label={t("account.picture")} />
            <CopyText label={t("account.orType")} text={begin.data.secret.replace(/(.{4})(?=.)/g, "$1 ")} />
            <TextField
              label={t("account.code")}
              hint={t("account.codeHint")}
              inputMode="numeric"
              autoComplete="one-time-code"
              required
              autoFocus
              value={code}
              error={problem?.fields.length ? t("account.wrongCode") : null}
              onChange={(event) => setCode(event.target.value)}
            />
          </>
        ) : (
          <TextField
            label={t("account.currentPassword")}
            type="password"
            autoComplete="current-password"
            required
            autoFocus
            value={password}
            error={problem?.fields.length ? t("account.wrongPassword") : null}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
        {told ? (
          <p role="alert" className="text-alarm">
            {told}
          </p>
        ) : null}
        <Button look="primary" type="submit" busy={begin.isPending || confirm.isPending} className="self-end">
          {begin.data ? t("account.switchOn") : t("account.next")}
        </Button>
      </form>
    </Dialog>
  );
}

/** Drawn here, so that the secret goes to no other server and the page needs no foreign picture. */
function Picture({ text, label }: { text: string; label: string }) {
  const [path, size] = useMemo(() => {
    const code = generate(text);
    return [toSvgPath(code), code.size] as const;
  }, [text]);
  return (
    <svg role="img" aria-label={label} viewBox={`-4 -4 ${size + 8} ${size + 8}`} className="mx-auto size-52 rounded-md bg-white" shapeRendering="crispEdges">
      <path d={path} fill="black" />
    </svg>
  );
}
