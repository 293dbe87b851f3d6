import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { useMe } from "@/api/me";
import { asProblem } from "@/api/problem";
import { signOut } from "@/api/session";
import { OtpSetUp } from "@/features/account/OtpSetUp";
import { OtpChange } from "@/features/account/OtpChange";
import { PasswordForm } from "@/features/account/PasswordForm";
import { formatWhen } from "@/lib/format";
import { Button } from "@/ui/Button";
import { Badge, Card, Fact, PageHeader, Skeleton } from "@/ui/bits";

type Open = "password" | "set-up" | "switch-off" | "codes" | null;

/** Oneself: how one signs in, and out. */
export function AccountPage() {
  const { t } = useTranslation();
  const me = useMe();
  const [open, setOpen] = useState<Open>(null);
  const otp = useQuery({ queryKey: ["me", "otp"], queryFn: () => unwrap(api.GET("/me/otp")) });
  const leave = useMutation({
    mutationFn: () => unwrap(api.POST("/auth/logout", { body: { everywhere: true } })),
    onSuccess: () => signOut(),
  });
  useEffect(() => {
    document.title = `${t("account.title")} · TeleHub`;
  }, [t]);
  const close = () => setOpen(null);
  return (
    <>
      <PageHeader title={t("account.title")} note={t("account.note")} />
      <div className="flex max-w-3xl flex-col gap-4 px-4 pb-6 md:px-6">
        <Card title={t("account.who")}>
          <dl className="grid gap-3 sm:grid-cols-2">
            <Fact name={t("account.name")}>{me?.name}</Fact>
            <Fact name={t("signIn.email")}>{me?.email}</Fact>
            <Fact name={t("account.role")}>{me ? t(`role.${me.role}`) : null}</Fact>
            <Fact name={t("account.extension")}>{me?.extension?.number ?? "–"}</Fact>
          </dl>
        </Card>
        <Card title={t("signIn.password")} actions={<Button onClick={() => setOpen("password")}>{t("account.changePassword")}</Button>}>
          <p className="text-ink-2">{t("account.passwordHelp")}</p>
        </Card>
        <Card
          title={t("account.otp")}
          actions={
            otp.data ? (
              otp.data.enabled ? (
                <>
                  <Button onClick={() => setOpen("codes")}>{t("account.newCodes")}</Button>
                  <Button look="alarm-quiet" onClick={() => setOpen("switch-off")}>
                    {t("account.switchOff")}
                  </Button>
                </>
              ) : (
                <Button look="primary" onClick={() => setOpen("set-up")}>
                  {t("account.setUp")}
                </Button>
              )
            ) : null
          }
        >
          {otp.isPending ? <Skeleton className="h-12" /> : null}
          {otp.error ? <p className="text-alarm">{asProblem(otp.error).message}</p> : null}
          {otp.data ? (
            <div className="flex flex-col gap-2">
              <p>
                <Badge tone={otp.data.enabled ? "good" : "plain"}>{otp.data.enabled ? t("account.on") : t("account.off")}</Badge>
              </p>
              <p className="text-ink-2">{t("account.otpHelp")}</p>
              {otp.data.enabled ? (
                <p className={otp.data.recovery_codes_left < 3 ? "text-wait" : "text-ink-2"}>
                  {otp.data.since ? `${t("account.since", { when: formatWhen(otp.data.since) })} ` : ""}
                  {t("account.codesLeft", { count: otp.data.recovery_codes_left })}
                </p>
              ) : null}
            </div>
          ) : null}
        </Card>
        <Card
          title={t("account.sessions")}
          actions={
            <Button look="alarm-quiet" busy={leave.isPending} onClick={() => leave.mutate()}>
              {t("account.signOutEverywhere")}
            </Button>
          }
        >
          <p className="text-ink-2">{t("account.sessionsHelp")}</p>
        </Card>
      </div>
      {open === "password" ? <PasswordForm onClose={close} /> : null}
      {open === "set-up" ? <OtpSetUp onClose={close} /> : null}
      {open === "switch-off" || open === "codes" ? <OtpChange what={open} onClose={close} /> : null}
    </>
  );
}
