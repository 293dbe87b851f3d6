import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { useMe } from "@/api/me";
import type { Lead, Script } from "@/api/types";
import { LANGUAGES } from "@/i18n";
import { cx } from "@/lib/cx";
import { spansOf, stepsOf } from "@/parts/script";
import { EmptyState, SkeletonRows } from "@/ui/bits";

/** The talking points for a person, step by step; a click marks what was said. */
export function ScriptView({ lead, script }: { lead: Lead | null; script?: Script | null }) {
  const { t, i18n } = useTranslation();
  const me = useMe();
  const [chosen, setChosen] = useState<string | null>(null);
  const [said, setSaid] = useState<ReadonlySet<number>>(new Set());
  const language = chosen ?? script?.language ?? (lead?.language === "hi" || lead?.language === "en" ? lead.language : i18n.language);
  const own = script && script.language === language ? script : null;
  const library = useQuery({
    queryKey: ["scripts", language],
    queryFn: () => unwrap(api.GET("/scripts", { params: { query: { language, limit: 20 } } })),
    enabled: own === null,
    staleTime: 5 * 60_000,
  });
  const shown: Script | null = own ?? library.data?.items.find((one: Script) => one.active) ?? null;
  const steps = shown ? stepsOf(shown.body, { lead, agent: me?.name ?? null, company: me?.tenant.name ?? null }) : [];

  return (
    <div>
      <div className="mb-2 flex items-center justify-between gap-2">
        <p className="truncate text-sm font-semibold text-ink-2">{shown?.name ?? t("script.title")}</p>
        <div role="group" aria-label={t("script.language")} className="flex gap-1">
          {LANGUAGES.map(({ value, label }) => (
            <button
              key={value}
              type="button"
              lang={value}
              aria-pressed={language === value}
              onClick={() => {
                setChosen(value);
                setSaid(new Set());
              }}
              className={cx("rounded-md px-2 py-0.5 text-sm", language === value ? "bg-accent-soft font-semibold text-accent" : "text-ink-2 hover:bg-sunken")}
            >
              {label}
            </button>
          ))}
        </div>
      </div>
      {!shown && library.isPending && own === null ? <SkeletonRows rows={4} label={t("ui.loading")} /> : null}
      {!shown && !library.isPending ? <EmptyState title={t("script.none")}>{t("script.noneHelp")}</EmptyState> : null}
      <ol lang={shown?.language} className="flex flex-col gap-1">
        {steps.map((step, index) => (
          <li key={`${index}-${step.text}`}>
            {step.heading ? <h4 className="mt-2 mb-0.5 text-sm font-semibold text-accent">{step.heading}</h4> : null}
            {step.text ? (
              <button
                type="button"
                aria-pressed={said.has(index)}
                onClick={() => setSaid((before) => toggled(before, index))}
                className={cx("w-full rounded-md border-l-3 px-3 py-1.5 text-left whitespace-pre-line hover:bg-sunken", said.has(index) ? "border-good bg-sunken text-ink-3" : "border-accent/40")}
              >
                {spansOf(step.text).map((span, at) => (span.strong ? <strong key={at}>{span.text}</strong> : span.text))}
              </button>
            ) : null}
          </li>
        ))}
      </ol>
    </div>
  );
}

function toggled(before: ReadonlySet<number>, index: number): ReadonlySet<number> {
  const next = new Set(before);
  if (!next.delete(index)) next.add(index);
  return next;
}
