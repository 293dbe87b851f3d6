import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { meKey } from "@/api/me";
import { type Problem, asProblem } from "@/api/problem";
import { signedIn } from "@/api/session";
import { Door, Trouble } from "@/features/auth/Door";
import { Button } from "@/ui/Button";
import { TextField } from "@/ui/Field";

const typeIs = (problem: Problem | null, name: string): boolean => problem?.type.endsWith(name) ?? false;

export function SignIn() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { to } = useSearch({ from: "/sign-in" });
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [otp, setOtp] = useState("");
  const [asked, setAsked] = useState(false);
  const [missing, setMissing] = useState<{ email?: string; password?: string; otp?: string }>({});
  const emailField = useRef<HTMLInputElement>(null);
  const otpField = useRef<HTMLInputElement>(null);
  useEffect(() => emailField.current?.focus(), []);
  useEffect(() => (asked ? otpField.current?.focus() : undefined), [asked]);

  const enter = useMutation({
    meta: { quiet: true },
    mutationFn: () => unwrap(api.POST("/auth/login", { body: { email: email.trim(), password, ...(asked ? { otp: otp.trim() } : {}) } })),
    onSuccess: (answer) => {
      signedIn(answer);
      queries.setQueryData(meKey, answer.user);
      void navigate({ to: to ?? "/", replace: true });
    },
    onError: (error) => {
      if (typeIs(asProblem(error), "/otp-required")) setAsked(true);
      otpField.current?.select();
    },
  });
  const problem = enter.error ? asProblem(enter.error) : null;
  // Being asked for the code is a step, not a fault.
  const fault = typeIs(problem, "/otp-required") ? null : problem;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = {
      ...(email.trim() ? {} : { email: t("signIn.emailMissing") }),
      ...(password ? {} : { password: t("signIn.passwordMissing") }),
      ...(!asked || otp.trim() ? {} : { otp: t("account.otpMissing") }),
    };
    setMissing(found);
    if (Object.keys(found).length === 0) enter.mutate();
  };
  // Another account may have no second step.
  const change = (set: (value: string) => void) => (value: string) => {
    set(value);
    setAsked(false);
    setOtp("");
  };

  return (
    <Door title={t("signIn.title")} note={t("signIn.welcome")}>
      <form onSubmit={submit} noValidate className="flex flex-col gap-4">
        <TextField
          ref={emailField}
          label={t("signIn.email")}
          type="email"
          name="email"
          autoComplete="username"
          required
          value={email}
          error={missing.email}
          onChange={(event) => change(setEmail)(event.target.value)}
        />
        <TextField
          label={t("signIn.password")}
          type="password"
          name="password"
          autoComplete="current-password"
          required
          value={password}
          error={missing.password}
          onChange={(event) => change(setPassword)(event.target.value)}
        />
        {asked ? (
          <TextField
            ref={otpField}
            label={t("signIn.otp")}
            hint={t("account.otpHint")}
            autoComplete="one-time-code"
            autoCapitalize="none"
            spellCheck={false}
            required
            value={otp}
            error={missing.otp}
            onChange={(event) => setOtp(event.target.value)}
          />
        ) : null}
        {fault ? (
          <Trouble>{fault.offline ? t("problem.offline") : typeIs(fault, "/otp-wrong") ? t("account.otpWrong") : fault.status === 401 ? t("signIn.wrong") : fault.status === 429 ? t("signIn.tooMany") : fault.message}</Trouble>
        ) : null}
        <Button look="primary" size="lg" type="submit" busy={enter.isPending}>
          {enter.isPending ? t("signIn.working") : t("signIn.submit")}
        </Button>
        <Link to="/forgot-password" className="self-center py-1 text-sm text-accent underline-offset-2 hover:underline">
          {t("account.forgot")}
        </Link>
      </form>
    </Door>
  );
}
