/** A day, written and shown day first whatever the browser's language: its own date field would follow that. */
import { CalendarDays } from "lucide-react";
import { type KeyboardEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { parseDay, showDay } from "@/lib/day";
import { Field, controlClass } from "@/ui/Field";

interface DayFieldProps {
  label: string;
  /** `2026-11-26`, or nothing. */
  value: string;
  today: string;
  min?: string;
  error?: string | null;
  className?: string;
  onChange: (day: string) => void;
}

export function DayField({ label, value, today, min, error, className, onChange }: DayFieldProps) {
  const { t } = useTranslation();
  const [draft, setDraft] = useState<string | null>(null);
  const calendar = useRef<HTMLInputElement>(null);
  const shown = draft ?? (value ? showDay(value) : "");
  const read = shown.trim() === "" ? "" : parseDay(shown, today);
  const finish = () => {
    // What cannot be read stays, marked, to be mended.
    if (draft === null || read === null) return;
    setDraft(null);
    if (read !== value) onChange(read);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.code === "Enter" || event.code === "NumpadEnter") finish();
  };
  return (
    <Field label={label} error={error ?? (read === null && draft !== null && draft.length >= 8 ? t("ui.dayRule") : null)} className={className}>
      {(control) => (
        <span className="relative block">
          <input {...control} type="text" autoComplete="off" placeholder={t("ui.dayForm")} value={shown} className={`${controlClass} pr-9`} onChange={(event) => setDraft(event.target.value)} onBlur={finish} onKeyDown={onKeyDown} />
          <input
            ref={calendar}
            type="date"
            tabIndex={-1}
            aria-hidden="true"
            value={value}
            {...(min ? { min } : {})}
            className="pointer-events-none absolute right-0 bottom-0 h-9 w-9 opacity-0"
            onChange={(event) => {
              setDraft(null);
              onChange(event.target.value);
            }}
          />
          <button type="button" aria-label={`${label}: ${t("ui.calendar")}`} data-tip={t("ui.calendar")} className="absolute top-0 right-0 flex size-9 items-center justify-center rounded-md text-ink-2 hover:text-ink" onClick={() => calendar.current?.showPicker()}>
            <CalendarDays className="size-4" aria-hidden="true" />
          </button>
        </span>
      )}
    </Field>
  );
}
