import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ShieldAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { useMe } from "@/api/me";
import type { Settings } from "@/api/types";
import { countryNames, formatWhen } from "@/lib/format";
import { Button } from "@/ui/Button";
import { toast } from "@/ui/toast";

/** Somebody wants more kinds of numbers to be called: whoever leads the floor sees it, and one of another role agrees. */
export function WideningNotice() {
  const { t, i18n } = useTranslation();
  const me = useMe();
  const queries = useQueryClient();
  const { data } = useQuery({ queryKey: ["settings"], queryFn: () => unwrap(api.GET("/settings")), staleTime: 60_000 });
  const asked = data?.widening;
  const done = (words: string) => (saved: Settings) => {
    queries.setQueryData(["settings"], saved);
    toast("done", words);
  };
  const again = () => void queries.invalidateQueries({ queryKey: ["settings"] });
  const agree = useMutation({ mutationFn: (asked_at: string) => unwrap(api.POST("/settings/widening", { body: { asked_at } })), onSuccess: done(t("widening.agreed")), onError: again });
  const drop = useMutation({ mutationFn: () => unwrap(api.DELETE("/settings/widening")), onSuccess: done(t("widening.dropped")), onError: again });
  if (!asked) return null;
  const kinds = [
    ...(asked.countries.length > 0 ? [countryNames(asked.countries, i18n.language)] : []),
    ...(asked.premium ? [t("widening.premium")] : []),
    ...(asked.satellite ? [t("widening.satellite")] : []),
  ];
  return (
    <section aria-label={t("widening.title")} className="flex flex-wrap items-center gap-3 rounded-lg border border-wait bg-wait-soft px-4 py-3">
      <ShieldAlert className="size-5 shrink-0 text-wait" aria-hidden="true" />
      <div className="min-w-60 flex-1">
        <p className="font-semibold">{t("widening.asked", { kinds: kinds.join("; ") })}</p>
        <p className="text-sm text-ink-2">{t("widening.by", { name: asked.asked_by_name ?? "–", role: t(`role.${asked.asked_as}`), when: formatWhen(asked.asked_at) })}</p>
      </div>
      <div className="flex gap-2">
        <Button busy={drop.isPending} onClick={() => drop.mutate()}>
          {t("widening.drop")}
        </Button>
        <Button look="primary" busy={agree.isPending} disabledReason={me?.role === asked.asked_as ? t("widening.sameRole") : null} onClick={() => agree.mutate(asked.asked_at)}>
          {t("widening.agree")}
        </Button>
      </div>
    </section>
  );
}
