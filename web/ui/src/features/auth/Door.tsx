import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { LANGUAGES, language, setLanguage } from "@/i18n";
import { cx } from "@/lib/cx";
import { useStore } from "@/lib/store";
import { Mark } from "@/ui/Mark";

/** The page before one is signed in: mark, language, one card. */
export function Door({ title, note, children }: { title: string; note?: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · TeleHub`;
  }, [title]);
  return (
    <main className="flex min-h-full flex-col items-center justify-center px-4 py-8">
      <div className="w-full max-w-sm">
        <div className="mb-5 flex items-center justify-between">
          <Mark />
          <LanguageSwitch />
        </div>
        <div className="flex flex-col gap-4 rounded-xl border border-line bg-surface p-6 shadow-float">
          <div>
            <h1 className="text-xl font-semibold">{title}</h1>
            {note ? <p className="text-ink-2">{note}</p> : null}
          </div>
          {children}
        </div>
      </div>
    </main>
  );
}

/** What went wrong, said at once. */
export function Trouble({ children }: { children: ReactNode }) {
  return (
    <p role="alert" className="rounded-md bg-alarm-soft px-3 py-2 text-alarm">
      {children}
    </p>
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
