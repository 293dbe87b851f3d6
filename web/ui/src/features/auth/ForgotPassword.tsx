import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { asProblem } from "@/api/problem";
import { Door, Trouble } from "@/features/auth/Door";
import { Button } from "@/ui/Button";
import { Skeleton } from "@/ui/bits";
import { TextField } from "@/ui/Field";

/** A letter with a link, where the house sends letters; else whom to ask. */
export function ForgotPassword() {
  const { t } = useTranslation();
  const [email, setEmail] = useState("");
  const [missing, setMissing] = useState<string>();
  const options = useQuery({ queryKey: ["auth", "options"], queryFn: () => unwrap(api.GET("/auth/options")), staleTime: Infinity });
  const ask = useMutation({ meta: { quiet: true }, mutationFn: () => unwrap(api.POST("/auth/password/forgot", { body: { email: email.trim() } })) });
  const problem = ask.error ? asProblem(ask.error) : options.error ? asProblem(options.error) : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const fits = /^\S+@\S+\.\S+$/.test(email.trim());
    setMissing(fits ? undefined : t("form.email"));
    if (fits) ask.mutate();
  };
  return (
    <Door title={t("passwords.forgotTitle")}>
      {options.isPending ? <Skeleton className="h-24" /> : null}
      {options.data && !options.data.reset_by_mail ? <p className="text-ink-2">{t("passwords.askAdministrator")}</p> : null}
      {options.data?.reset_by_mail && ask.isSuccess ? (
        <div role="status" className="flex flex-col gap-2">
          <p>{t("passwords.sent", { email: email.trim() })}</p>
          <p className="text-sm text-ink-2">{t("passwords.sentHelp")}</p>
        </div>
      ) : null}
      {options.data?.reset_by_mail && !ask.isSuccess ? (
        <form onSubmit={submit} noValidate className="flex flex-col gap-4">
          <p className="text-ink-2">{t("passwords.forgotHelp")}</p>
          <TextField label={t("signIn.email")} type="email" name="email" autoComplete="username" required value={email} error={missing} onChange={(event) => setEmail(event.target.value)} />
          <Button look="primary" size="lg" type="submit" busy={ask.isPending}>
            {t("passwords.send")}
          </Button>
        </form>
      ) : null}
      {problem ? <Trouble>{problem.offline ? t("problem.offline") : problem.status === 429 ? t("signIn.tooMany") : problem.message}</Trouble> : null}
      <Link to="/sign-in" className="self-center py-1 text-sm text-accent underline-offset-2 hover:underline">
        {t("passwords.backToSignIn")}
      </Link>
    </Door>
  );
}
