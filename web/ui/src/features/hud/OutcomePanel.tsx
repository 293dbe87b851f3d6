/** Every call ends with an outcome: one key to choose it, one to save it, and it says what follows. */
import { ArrowRight, Sparkles } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { asProblem } from "@/api/problem";
import type { Disposition } from "@/api/types";
import type { LiveCall } from "@/live/board";
import { useSaveOutcome } from "@/features/hud/api";
import { CHORDS, type Hours, type Need, type OutcomeDraft, USUAL_HOURS, asksForTime, emptyOutcome, hoursOf, likelyTime, missing, whatHappensNext } from "@/parts/outcome";
import { CallbackPicker } from "@/features/hud/pieces";
import { type Action, chosenKeys, keyNames, keysOf } from "@/lib/actions";
import { useNow } from "@/lib/clock";
import { cx } from "@/lib/cx";
import { formatWhen } from "@/lib/format";
import { useStore } from "@/lib/store";
import { useActions } from "@/lib/useActions";
import { phaseOf } from "@/live/board";
import { nameOf, useDispositions } from "@/parts/dispositions";
import { forgetNotes } from "@/parts/notes";
import { Button } from "@/ui/Button";
import { Skeleton } from "@/ui/bits";
import { toast } from "@/ui/toast";

export function OutcomePanel({ live, notes }: { live: LiveCall; notes: string }) {
  const { t, i18n } = useTranslation();
  const all = (useDispositions().data ?? []).filter((one) => one.active);
  const [draft, setDraft] = useState<OutcomeDraft>(emptyOutcome);
  const [shown, setShown] = useState<Need[]>([]);
  const now = useNow();
  const tenant = useMe()?.tenant;
  const hours = tenant ? hoursOf(tenant) : USUAL_HOURS;
  const nextWords = useNextWords();
  const nextLine = (one: Disposition) => whatHappensNext(one, draft, now, hours).map(nextWords).join(" · ");
  const save = useSaveOutcome(live.call.id, ({ code }) => {
    const saved = all.find((one) => one.code === code);
    forgetNotes(live.call.id);
    if (saved) toast("done", t("outcome.saved", { name: nameOf(saved, i18n.language) }), { detail: nextLine(saved) });
  });
  // The hint names the desk's own keys; each outcome shows its key in any case.
  const usual = !Object.keys(useStore(chosenKeys)).some((id) => id.startsWith("outcome."));
  const over = phaseOf(live) === "over";
  const chosen = all.find((one) => one.code === draft.code);
  const needs = missing(chosen, draft, notes, now);

  const choose = (code: string) => {
    setShown([]);
    const one = all.find((candidate) => candidate.code === code);
    setDraft({ ...emptyOutcome, code, callbackAt: one ? likelyTime(one, new Date(Math.floor(now / 60_000) * 60_000), hours) : null });
  };
  const submit = () => {
    setShown(needs);
    if (!chosen || needs.length > 0 || save.isPending) return;
    save.mutate({ code: chosen.code, ...(draft.sub ? { sub_disposition: draft.sub } : {}), ...(notes.trim() ? { notes: notes.trim() } : {}), ...(draft.callbackAt ? { callback_at: draft.callbackAt } : {}) });
  };

  useActions(outcomeActions({ all, over, choose, submit, canSave: chosen !== undefined, t, language: i18n.language }));

  return (
    <section aria-label={t("outcome.title")} className={cx("flex flex-1 flex-col rounded-lg border border-line bg-surface lg:min-h-0 lg:overflow-hidden", over ? "max-lg:order-first" : "order-last")}>
      <div className="flex-1 p-3 lg:min-h-0 lg:overflow-y-auto">
        <div className="mb-2 flex items-baseline justify-between gap-2">
          <h2 className="font-semibold">{over ? t("outcome.choose") : t("outcome.title")}</h2>
          {over && !draft.code && usual ? <span className="text-sm text-ink-3 max-lg:hidden">{t("outcome.keys")}</span> : null}
        </div>
        {all.length === 0 ? <Skeleton className="h-40" /> : <Grid all={all} live={live} over={over} code={draft.code} onChoose={choose} />}
        {chosen ? <Details key={chosen.code} chosen={chosen} hours={hours} draft={draft} needs={shown} onChange={setDraft} /> : null}
      </div>
      {/* While they talk it covers none of the outcomes on a phone: nothing can be saved yet. */}
      <footer className={cx("shrink-0 rounded-b-lg border-t border-line bg-surface p-3 lg:static", over && "sticky bottom-0 z-10")}>
        <p className="mb-2 flex min-h-10 items-start gap-1.5 text-sm text-ink-2" aria-live="polite">
          {chosen ? <ArrowRight className="mt-0.5 size-4 shrink-0 text-accent" aria-hidden="true" /> : null}
          <span>{shown.length > 0 && needs.length > 0 ? <span className="text-alarm">{needs.map((need) => t(`outcome.need.${need}`)).join(" ")}</span> : chosen ? nextLine(chosen) : t("outcome.nothingChosen")}</span>
        </p>
        {save.error ? <p role="alert" className="mb-2 text-sm text-alarm">{asProblem(save.error).message}</p> : null}
        <Button look="primary" size="lg" className="w-full" busy={save.isPending} disabledReason={over ? null : t("outcome.notYet")} keys={["Ctrl+Enter"]} actionId="outcome.save" onClick={submit}>
          {save.isPending ? t("outcome.saving") : t("outcome.save")}
        </Button>
      </footer>
    </section>
  );
}

function Grid({ all, live, over, code, onChoose }: { all: readonly Disposition[]; live: LiveCall; over: boolean; code: string | null; onChoose: (code: string) => void }) {
  const { t, i18n } = useTranslation();
  const own = useStore(chosenKeys);
  const keyOf = (index: number): string => {
    const [combo] = index < 9 ? keysOf({ id: `outcome.key.${index + 1}`, keys: [`Digit${index + 1}`] }, own) : [];
    return combo ? keyNames(combo).join("") : "";
  };
  return (
    <div role="radiogroup" aria-label={t("outcome.title")} className="grid grid-cols-2 gap-1.5 lg:gap-1">
      {all.map((one, index) => {
        const picked = one.code === code;
        const suggested = over && live.call.suggested_disposition === one.code;
        return (
          <button
            key={one.code}
            type="button"
            role="radio"
            aria-checked={picked}
            onClick={() => onChoose(one.code)}
            className={cx(
              "flex min-h-9 items-center gap-2 rounded-md border px-2 py-1 text-left leading-tight lg:min-h-8 lg:py-0.5 lg:text-sm",
              picked ? "border-accent bg-accent-soft font-semibold text-accent" : suggested ? "border-accent bg-surface hover:bg-sunken" : "border-line bg-surface hover:bg-sunken",
            )}
          >
            {keyOf(index) ? (
              <kbd className="kbd shrink-0" aria-hidden="true">
                {keyOf(index)}
              </kbd>
            ) : (
              // The words of all stand below each other.
              <span className="w-[1.35rem] shrink-0" aria-hidden="true" />
            )}
            <span className="min-w-0 flex-1">{nameOf(one, i18n.language)}</span>
            {suggested ? <Sparkles className="size-3.5 shrink-0 text-accent" aria-label={t("outcome.suggested")} /> : null}
          </button>
        );
      })}
    </div>
  );
}

function Details({ chosen, hours, draft, needs, onChange }: { chosen: Disposition; hours: Hours; draft: OutcomeDraft; needs: readonly Need[]; onChange: (draft: OutcomeDraft) => void }) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    box.current?.scrollIntoView({ block: "nearest" });
  }, []);
  return (
    <div ref={box} className="mt-3 flex scroll-mb-36 flex-col gap-3 border-t border-line pt-3 empty:hidden lg:scroll-mb-3">
      {chosen.sub_dispositions.length > 0 ? (
        <fieldset>
          <legend className="mb-1 text-sm font-medium text-ink-2">
            {t("outcome.reason")}
            {chosen.required.includes("sub_disposition") ? <span className="text-alarm"> *</span> : null}
          </legend>
          <div className="flex flex-wrap gap-1.5">
            {chosen.sub_dispositions.map((sub) => (
              <button
                key={sub}
                type="button"
                aria-pressed={draft.sub === sub}
                onClick={() => onChange({ ...draft, sub: draft.sub === sub ? null : sub })}
                className={cx("rounded-full border px-2.5 py-0.5 text-sm", draft.sub === sub ? "border-accent bg-accent-soft font-semibold text-accent" : "border-edge/60 hover:bg-sunken")}
              >
                {t(`sub.${sub}`, { defaultValue: sub })}
              </button>
            ))}
          </div>
        </fieldset>
      ) : null}
      {asksForTime(chosen) ? (
        <CallbackPicker value={draft.callbackAt} hours={hours} required={chosen.required.includes("callback_at")} error={needs.includes("callback_at") ? t("outcome.need.callback_at") : null} onChange={(callbackAt) => onChange({ ...draft, callbackAt })} />
      ) : null}
      {chosen.required.includes("notes") ? <p className={cx("text-sm", needs.includes("notes") ? "text-alarm" : "text-ink-3")}>{t("outcome.notesNeeded")}</p> : null}
    </div>
  );
}

/** A consequence in words. */
function useNextWords() {
  const { t } = useTranslation();
  return (next: ReturnType<typeof whatHappensNext>[number]): string => {
    if (next.kind === "callback") return t("next.callback", { when: formatWhen(next.at) });
    if (next.kind === "retry") return t("next.retry", { when: formatWhen(next.at) });
    if (next.kind === "none") return t("next.none");
    return t(`nextAction.${next.action}`, { defaultValue: next.action.replaceAll("_", " ") });
  };
}

interface OutcomeActions {
  all: readonly Disposition[];
  over: boolean;
  canSave: boolean;
  choose: (code: string) => void;
  submit: () => void;
  t: (key: string, options?: Record<string, string>) => string;
  language: string;
}

function outcomeActions({ all, over, canSave, choose, submit, t, language }: OutcomeActions): Action[] {
  const group = t("outcome.title");
  const pick = (one: Disposition, key: string, id: string): Action => ({ id, label: nameOf(one, language), group, keys: [key], layer: 1, unlisted: true, run: () => choose(one.code) });
  const actions: Action[] = CHORDS.flatMap(({ code, keys }) => {
    const one = all.find((candidate) => candidate.code === code);
    return one ? [pick(one, keys, `outcome.chord.${code}`)] : [];
  });
  if (!over) return actions;
  actions.push(...all.slice(0, 9).map((one, index) => pick(one, `Digit${index + 1}`, `outcome.key.${index + 1}`)));
  actions.push({ id: "outcome.save", label: t("outcome.save"), group, keys: canSave ? ["Ctrl+Enter", "Enter"] : ["Ctrl+Enter"], layer: 1, run: submit });
  return actions;
}

