import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { asProblem } from "@/api/problem";
import { Door, Trouble } from "@/features/auth/Door";
import { Button } from "@/ui/Button";
import { TextField } from "@/ui/Field";

/** Where the link of the letter leads: the token stands behind `#`, where no server log sees it. */
export function ResetPassword() {
  const { t } = useTranslation();
  const [token] = useState(() => location.hash.slice(1));
  const [password, setPassword] = useState("");
  const [missing, setMissing] = useState<string>();
  // Nor should whoever looks at the address bar or the history.
  useEffect(() => history.replaceState(history.state, "", location.pathname), []);
  const set = useMutation({ meta: { quiet: true }, mutationFn: () => unwrap(api.POST("/auth/password/reset", { body: { token, new_password: password } })) });
  const problem = set.error ? asProblem(set.error) : null;
  const over = !token || problem?.status === 410;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const fits = password.length >= 10;
    setMissing(fits ? undefined : t("form.min", { count: 10 }));
    if (fits) set.mutate();
  };
  const link = "self-center py-1 text-sm text-accent underline-offset-2 hover:underline";
  if (set.isSuccess) {
    return (
      <Door title={t("passwords.setTitle")}>
        <p role="status">{t("passwords.setHelp")}</p>
        <Link to="/sign-in" className={link}>
          {t("passwords.toSignIn")}
        </Link>
      </Door>
    );
  }
  return (
    <Door title={t("passwords.resetTitle")}>
      {over ? (
        <>
          <Trouble>{t("passwords.linkOver")}</Trouble>
          <Link to="/forgot-password" className={link}>
            {t("passwords.anotherLink")}
          </Link>
        </>
      ) : (
        <form onSubmit={submit} noValidate className="flex flex-col gap-4">
          <TextField
            label={t("passwords.new")}
            hint={t("passwords.newHint")}
            type="password"
            autoComplete="new-password"
            required
            value={password}
            error={missing ?? problem?.fields.find((fault) => fault.field === "new_password")?.message}
            onChange={(event) => setPassword(event.target.value)}
          />
          {problem && problem.fields.length === 0 ? <Trouble>{problem.offline ? t("problem.offline") : problem.message}</Trouble> : null}
          <Button look="primary" size="lg" type="submit" busy={set.isPending}>
            {t("passwords.set")}
          </Button>
        </form>
      )}
    </Door>
  );
}
