/** Other keys than the desk's own: press the new one; what it clashes with is named. */
import { Ban, Keyboard, RotateCcw } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { asProblem } from "@/api/problem";
import { keepKeys } from "@/api/preferences";
import { CATALOGUE, type KeyEntry, PLACES, type Refusal, isOnlyModifier, refusal } from "@/app/shell/keyCatalogue";
import { chosenKeys, comboOf, keysOf } from "@/lib/actions";
import { useStore } from "@/lib/store";
import { Button, Keys } from "@/ui/Button";
import { toast } from "@/ui/toast";

export default function KeyEditor() {
  const { t } = useTranslation();
  const me = useMe();
  const chosen = useStore(chosenKeys);
  const [waiting, setWaiting] = useState<string | null>(null);
  const [refused, setRefused] = useState<{ id: string; refusal: Refusal } | null>(null);
  const label = ({ label: words, values }: KeyEntry) => t(words, values ?? {});

  const keep = (keys: Readonly<Record<string, string>>, said: string) => {
    if (!me) return;
    const before = chosen;
    keepKeys(me.id, keys).then(
      () => toast("done", said, { undoLabel: t("ui.undo"), undo: () => void keepKeys(me.id, before).catch(() => undefined) }),
      (error: unknown) => toast("failed", t("keys.notKept"), { detail: asProblem(error).message }),
    );
  };
  const give = (one: KeyEntry, combo: string) => keep({ ...chosen, [one.id]: combo }, t("keys.kept", { name: label(one) }));
  const restore = (one: KeyEntry) => {
    const { [one.id]: _own, ...rest } = chosen;
    keep(rest, t("keys.kept", { name: label(one) }));
  };

  useEffect(() => {
    const one = CATALOGUE.find((entry) => entry.id === waiting);
    if (!one) return undefined;
    const onKey = (event: KeyboardEvent) => {
      // Before everything else on the page: this press is an answer, not a command.
      event.preventDefault();
      event.stopImmediatePropagation();
      if (event.repeat || isOnlyModifier(event)) return;
      setWaiting(null);
      if (event.code === "Escape" && one.id !== "lead.back") return;
      const no = refusal(one, event, event.getModifierState("AltGraph"), chosenKeys.get());
      setRefused(no ? { id: one.id, refusal: no } : null);
      if (!no) give(one, comboOf(event));
    };
    window.addEventListener("keydown", onKey, true);
    return () => window.removeEventListener("keydown", onKey, true);
    // One press answers; the rest is read when it comes.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [waiting]);

  const why = (no: Refusal): string => (no.why === "taken" ? t("keys.taken", { name: label(no.by) }) : t(`keys.refused.${no.why}`));
  return (
    <div className="flex flex-col gap-5">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="max-w-prose text-ink-2">{t("keys.help")}</p>
        <Button size="sm" disabledReason={Object.keys(chosen).length === 0 ? t("keys.untouched") : null} onClick={() => keep({}, t("keys.allRestored"))}>
          <RotateCcw className="size-4" aria-hidden="true" />
          {t("keys.restoreAll")}
        </Button>
      </div>
      {PLACES.map(({ place, title }) => (
        <section key={place} aria-label={t(title)}>
          <h3 className="mb-1 text-sm font-semibold text-ink-2">{t(title)}</h3>
          <ul>
            {CATALOGUE.filter((one) => one.place === place).map((one) => {
              const now = keysOf(one, chosen);
              const own = one.id in chosen;
              const asked = waiting === one.id;
              return (
                <li key={one.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line py-1.5 last:border-0">
                  <span className="min-w-40 flex-1">{label(one)}</span>
                  <span className="flex gap-2">
                    {now.length === 0 ? <span className="text-sm text-ink-3">{t("keys.none")}</span> : null}
                    {now.map((combo) => (
                      <span key={combo}>
                        <Keys combo={combo} />
                        <span className="sr-only">{combo}</span>
                      </span>
                    ))}
                  </span>
                  <span className="flex items-center gap-1">
                    <Button
                      size="sm"
                      look={asked ? "primary" : "plain"}
                      aria-label={`${asked ? t("keys.press") : t("keys.change")}: ${label(one)}`}
                      onClick={() => {
                        setRefused(null);
                        setWaiting(asked ? null : one.id);
                      }}
                    >
                      <Keyboard className="size-4" aria-hidden="true" />
                      {asked ? t("keys.press") : t("keys.change")}
                    </Button>
                    <Button size="icon-sm" look="quiet" hint={`${t("keys.take")}: ${label(one)}`} disabledReason={now.length === 0 ? t("keys.none") : null} onClick={() => give(one, "")}>
                      <Ban className="size-4" aria-hidden="true" />
                    </Button>
                    <Button size="icon-sm" look="quiet" hint={`${t("keys.restore")}: ${label(one)}`} disabledReason={own ? null : t("keys.untouched")} onClick={() => restore(one)}>
                      <RotateCcw className="size-4" aria-hidden="true" />
                    </Button>
                  </span>
                  {refused?.id === one.id ? (
                    <p role="alert" className="w-full text-sm text-alarm">
                      {why(refused.refusal)}
                    </p>
                  ) : null}
                </li>
              );
            })}
          </ul>
        </section>
      ))}
    </div>
  );
}
