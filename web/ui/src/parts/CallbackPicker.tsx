import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Hours, presets, timesIn } from "@/parts/outcome";
import { useNow } from "@/lib/clock";
import { cx } from "@/lib/cx";
import { showClock } from "@/lib/day";
import { formatWhen, fromZonedInput, toZonedInput } from "@/lib/format";
import { DayField } from "@/ui/DayField";
import { SelectField } from "@/ui/Field";

interface CallbackPickerProps {
  value: string | null;
  hours: Hours;
  required: boolean;
  error: string | null;
  onChange: (at: string) => void;
}

/** When to call again: one click for the usual times, a day and a half hour for any other. */
export function CallbackPicker({ value, hours, required, error, onChange }: CallbackPickerProps) {
  const { t } = useTranslation();
  const now = new Date(Math.floor(useNow() / 60_000) * 60_000);
  const offered = presets(now, hours);
  const [other, setOther] = useState(false);
  const fields = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (other) fields.current?.scrollIntoView({ block: "nearest" });
  }, [other]);
  const [day, time] = value ? toZonedInput(new Date(value)).split("T") : [toZonedInput(now).slice(0, 10), ""];
  const today = toZonedInput(now).slice(0, 10);
  const times = timesIn(hours);
  const choose = (nextDay: string, nextTime: string) => {
    const at = fromZonedInput(`${nextDay}T${nextTime || (times[0] ?? "09:00")}`);
    if (at) onChange(at.toISOString());
  };
  const chip = (pressed: boolean) => cx("rounded-full border px-2.5 py-0.5 text-sm", pressed ? "border-accent bg-accent-soft font-semibold text-accent" : "border-edge/60 hover:bg-sunken");
  return (
    <fieldset>
      <legend className="mb-1 text-sm font-medium text-ink-2">
        {t("callback.title")}
        {required ? <span className="text-alarm"> *</span> : null}
      </legend>
      <div className="flex flex-wrap gap-1.5">
        {offered.map(({ id, at }) => {
          const iso = at.toISOString();
          const pressed = !other && value === iso;
          return (
            <button
              key={id}
              type="button"
              aria-pressed={pressed}
              data-tip={formatWhen(iso)}
              onClick={() => {
                setOther(false);
                onChange(iso);
              }}
              className={chip(pressed)}
            >
              {t(`callback.${id}`)}
            </button>
          );
        })}
        <button type="button" aria-pressed={other} aria-expanded={other} onClick={() => setOther(true)} className={chip(other)}>
          {t("callback.other")}
        </button>
      </div>
      {other ? (
        <div ref={fields} className="mt-2 grid scroll-mb-36 grid-cols-2 gap-2 lg:scroll-mb-3">
          <DayField label={t("callback.day")} value={day ?? ""} today={today} min={today} onChange={(next) => next && choose(next, time ?? "")} />
          <SelectField
            label={t("callback.time")}
            {...(time && times.includes(time) ? {} : { empty: time ? showClock(time) : t("callback.chooseTime") })}
            options={times.map((one) => ({ value: one, label: showClock(one) }))}
            value={time && times.includes(time) ? time : ""}
            onChange={(event) => event.target.value && choose(day ?? today, event.target.value)}
          />
        </div>
      ) : null}
      {error ? (
        <p role="alert" className="mt-1 text-sm text-alarm">
          {error}
        </p>
      ) : null}
    </fieldset>
  );
}
