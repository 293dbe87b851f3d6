import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { meKey } from "@/api/me";
import { asProblem } from "@/api/problem";
import { signedIn } from "@/api/session";
import { LANGUAGES, language, setLanguage } from "@/i18n";
import { cx } from "@/lib/cx";
import { useStore } from "@/lib/store";
import { Button } from "@/ui/Button";
import { TextField } from "@/ui/Field";
import { Mark } from "@/ui/Mark";

export function SignIn() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { to } = useSearch({ from: "/sign-in" });
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [otp, setOtp] = useState("");
  const [missing, setMissing] = useState<{ email?: string; password?: string }>({});
  const emailField = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = `${t("signIn.title")} · TeleHub`;
    emailField.current?.focus();
  }, [t]);

  const enter = useMutation({
    meta: { quiet: true },
    mutationFn: () => unwrap(api.POST("/auth/login", { body: { email: email.trim(), password, ...(otp ? { otp } : {}) } })),
    onSuccess: (answer) => {
      signedIn(answer);
      queries.setQueryData(meKey, answer.user);
      void navigate({ to: to ?? "/", replace: true });
    },
  });
  const problem = enter.error ? asProblem(enter.error) : null;
  const wantsCode = problem?.type.includes("otp") ?? false;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = {
      ...(email.trim() ? {} : { email: t("signIn.emailMissing") }),
      ...(password ? {} : { password: t("signIn.passwordMissing") }),
    };
    setMissing(found);
    if (Object.keys(found).length === 0) enter.mutate();
  };

  return (
    <main className="flex min-h-full flex-col items-center justify-center px-4 py-8">
      <div className="w-full max-w-sm">
        <div className="mb-5 flex items-center justify-between">
          <Mark />
          <LanguageSwitch />
        </div>
        <form onSubmit={submit} noValidate className="flex flex-col gap-4 rounded-xl border border-line bg-surface p-6 shadow-float">
          <div>
            <h1 className="text-xl font-semibold">{t("signIn.title")}</h1>
            <p className="text-ink-2">{t("signIn.welcome")}</p>
          </div>
          <TextField
            ref={emailField}
            label={t("signIn.email")}
            type="email"
            name="email"
            autoComplete="username"
            required
            value={email}
            error={missing.email}
            onChange={(event) => setEmail(event.target.value)}
          />
          <TextField
            label={t("signIn.password")}
            type="password"
            name="password"
            autoComplete="current-password"
            required
            value={password}
            error={missing.password}
            onChange={(event) => setPassword(event.target.value)}
          />
          {wantsCode || otp ? (
            <TextField label={t("signIn.otp")} inputMode="numeric" autoComplete="one-time-code" value={otp} onChange={(event) => setOtp(event.target.value)} />
          ) : null}
          {problem && !wantsCode ? (
            <p role="alert" className="rounded-md bg-alarm-soft px-3 py-2 text-alarm">
              {problem.offline ? t("problem.offline") : problem.status === 401 ? t("signIn.wrong") : problem.status === 429 ? t("signIn.tooMany") : problem.message}
            </p>
          ) : null}
          <Button look="primary" size="lg" type="submit" busy={enter.isPending}>
            {enter.isPending ? t("signIn.working") : t("signIn.submit")}
          </Button>
        </form>
      </div>
    </main>
  );
}

function LanguageSwitch() {
  const { t } = useTranslation();
  const current = useStore(language);
  return (
    <div role="group" aria-label={t("shell.language")} className="flex gap-1 rounded-lg border border-line bg-surface p-0.5">
      {LANGUAGES.map(({ value, label }) => (
        <button
          key={value}
          type="button"
          lang={value}
          aria-pressed={current === value}
          onClick={() => void setLanguage(value)}
          className={cx("min-h-7 rounded-md px-2.5 text-sm", current === value ? "bg-accent-soft font-semibold text-accent" : "text-ink-2 hover:bg-sunken")}
        >
          {label}
        </button>
      ))}
    </div>
  );
}
