import { useTranslation } from "react-i18next";
import { presets } from "@/features/hud/outcome";
import { useNow } from "@/lib/clock";
import { cx } from "@/lib/cx";
import { formatWhen, fromZonedInput, toZonedInput } from "@/lib/format";
import { TextField } from "@/ui/Field";

/** When to call again: one click for the usual times, a field for any other. */
export function CallbackPicker({ value, required, error, onChange }: { value: string | null; required: boolean; error: string | null; onChange: (at: string | null) => void }) {
  const { t } = useTranslation();
  const now = new Date(Math.floor(useNow() / 60_000) * 60_000);
  return (
    <fieldset>
      <legend className="mb-1 text-sm font-medium text-ink-2">
        {t("callback.title")}
        {required ? <span className="text-alarm"> *</span> : null}
      </legend>
      <div className="mb-2 flex flex-wrap gap-1.5">
        {presets(now).map(({ id, at }) => {
          const iso = at.toISOString();
          return (
            <button
              key={id}
              type="button"
              aria-pressed={value === iso}
              title={formatWhen(iso)}
              onClick={() => onChange(value === iso ? null : iso)}
              className={cx("rounded-full border px-2.5 py-0.5 text-sm", value === iso ? "border-accent bg-accent-soft font-semibold text-accent" : "border-edge/60 hover:bg-sunken")}
            >
              {t(`callback.${id}`)}
            </button>
          );
        })}
      </div>
      <TextField
        label={t("callback.other")}
        type="datetime-local"
        min={toZonedInput(now)}
        step={300}
        value={value ? toZonedInput(new Date(value)) : ""}
        error={error}
        onChange={(event) => onChange(fromZonedInput(event.target.value)?.toISOString() ?? null)}
      />
    </fieldset>
  );
}
