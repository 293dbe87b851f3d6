import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import type { User } from "@/api/types";
import { Button } from "@/ui/Button";
import { toast } from "@/ui/toast";

/** What an administrator can do for somebody who is locked out, or whose session should end. Each is in the audit trail. */
export function SignInHelp({ user }: { user: User }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const path = { params: { path: { id: user.id } } };
  const options = useQuery({ queryKey: ["auth", "options"], queryFn: () => unwrap(api.GET("/auth/options")), staleTime: Infinity });
  const after = (words: string) => () => {
    void queries.invalidateQueries({ queryKey: ["users"] });
    toast("done", words);
  };
  const link = useMutation({ mutationFn: () => unwrap(api.POST("/users/{id}/password-link", path)), onSuccess: after(t("users.linkSent", { name: user.name })) });
  const otp = useMutation({ mutationFn: () => unwrap(api.DELETE("/users/{id}/otp", path)), onSuccess: after(t("users.otpReset", { name: user.name })) });
  const out = useMutation({ mutationFn: () => unwrap(api.POST("/users/{id}/sign-out", path)), onSuccess: after(t("users.signedOut", { name: user.name })) });
  return (
    <section aria-label={t("users.help")} className="flex flex-col items-start gap-2 border-t border-line pt-4">
      <h3 className="font-semibold">{t("users.help")}</h3>
      <Button size="sm" busy={link.isPending} disabledReason={options.data?.reset_by_mail === false ? t("users.mailOff") : null} onClick={() => link.mutate()}>
        {t("users.sendLink")}
      </Button>
      {user.otp_enabled && !otp.isSuccess ? (
        <>
          <Button size="sm" look="alarm-quiet" busy={otp.isPending} onClick={() => otp.mutate()}>
            {t("users.resetOtp")}
          </Button>
          <p className="text-sm text-ink-3">{t("users.otpResetHint")}</p>
        </>
      ) : null}
      <Button size="sm" look="alarm-quiet" busy={out.isPending} onClick={() => out.mutate()}>
        {t("users.signOut")}
      </Button>
    </section>
  );
}
