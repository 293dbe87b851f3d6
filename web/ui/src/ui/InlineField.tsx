import { Check, CircleAlert, LoaderCircle, Pencil } from "lucide-react";
import { type KeyboardEvent, type Ref, useEffect, useId, useImperativeHandle, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { cx } from "@/lib/cx";
import { type Option, controlClass } from "@/ui/Field";

export interface InlineEdit {
  begin: () => void;
}

interface InlineFieldProps {
  label: string;
  value: string;
  /** What is shown while not editing, where it differs from the value. */
  shown?: string | undefined;
  options?: readonly Option[];
  type?: "text" | "email" | "tel" | "number";
  /** Why it cannot be edited. */
  lockedReason?: string | null;
  /** Takes a whole row. */
  wide?: boolean;
  /** For a key that begins the edit. */
  ref?: Ref<InlineEdit>;
  /** Resolves once it is kept; a failure is told beside the field. */
  onSave: (next: string) => Promise<unknown>;
}

type SaveMark = "saving" | "saved" | "failed" | null;
/** Long enough to be seen; a failure stays until the next try. */
const SAVED_MS = 4_000;

/** A fact that is edited where it stands: Enter or F2 begins, Enter and leaving save, Tab saves and moves on, Esc restores. */
export function InlineField({ label, value, shown, options, type = "text", lockedReason, wide, ref, onSave }: InlineFieldProps) {
  const { t } = useTranslation();
  const id = useId();
  const [draft, setDraft] = useState<string | null>(null);
  const opener = useRef<HTMLButtonElement>(null);
  useImperativeHandle(ref, () => ({ begin: () => setDraft(value) }), [value]);
  const [mark, setMark] = useState<SaveMark>(null);
  useEffect(() => {
    if (mark !== "saved") return undefined;
    const timer = setTimeout(() => setMark(null), SAVED_MS);
    return () => clearTimeout(timer);
  }, [mark]);
  const wasEditing = useRef(false);
  const editing = draft !== null;
  useEffect(() => {
    if (!editing && wasEditing.current && document.activeElement === document.body) opener.current?.focus();
    wasEditing.current = editing;
  }, [editing]);

  const finish = (save: boolean, next = draft) => {
    setDraft(null);
    if (!save || next === null || next.trim() === value) return;
    setMark("saving");
    onSave(next.trim()).then(
      () => setMark("saved"),
      () => setMark("failed"),
    );
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.code === "Escape") {
      event.stopPropagation();
      finish(false);
    } else if (event.code === "Enter" || event.code === "NumpadEnter") {
      event.preventDefault();
      finish(true);
    }
  };

  return (
    <div className={cx("min-w-0", wide && "col-span-2")}>
      <dt className="flex items-center gap-1.5 text-xs text-ink-3">
        <span id={`${id}-label`}>{label}</span>
        <Mark mark={mark} />
      </dt>
      <dd>
        {editing ? (
          options ? (
            <select autoFocus aria-labelledby={`${id}-label`} className={controlClass} value={draft} onKeyDown={onKeyDown} onBlur={() => finish(true)} onChange={(event) => finish(true, event.target.value)}>
              {options.map((option) => (
                <option key={option.value} value={option.value}>
                  {option.label}
                </option>
              ))}
            </select>
          ) : (
            <input autoFocus type={type} aria-labelledby={`${id}-label`} className={controlClass} value={draft} onKeyDown={onKeyDown} onBlur={() => finish(true)} onChange={(event) => setDraft(event.target.value)} />
          )
        ) : lockedReason ? (
          <span className="flex min-h-7 items-center break-words" data-tip={lockedReason}>
            {shown ?? (value || "–")}
          </span>
        ) : (
          <button
            ref={opener}
            type="button"
            aria-label={t("ui.editField", { field: label, value: shown ?? value })}
            aria-busy={mark === "saving" || undefined}
            onClick={() => setDraft(value)}
            onKeyDown={(event) => {
              if (event.code === "F2") setDraft(value);
            }}
            className={cx("group -mx-1.5 flex min-h-7 w-full items-center gap-2 rounded-md px-1.5 text-left hover:bg-sunken", mark === "saving" && "opacity-60")}
          >
            <span className="min-w-0 break-words">{shown ?? (value || "–")}</span>
            <Pencil className="size-3.5 shrink-0 text-ink-3 opacity-0 group-hover:opacity-100 group-focus-visible:opacity-100" aria-hidden="true" />
          </button>
        )}
      </dd>
    </div>
  );
}

function Mark({ mark }: { mark: SaveMark }) {
  const { t } = useTranslation();
  return (
    <span role="status" className={cx("inline-flex items-center gap-1", mark === "failed" ? "text-alarm" : mark === "saved" ? "text-good" : "")}>
      {mark === "saving" ? <LoaderCircle className="size-3 animate-spin" aria-hidden="true" /> : null}
      {mark === "saved" ? <Check className="size-3" aria-hidden="true" /> : null}
      {mark === "failed" ? <CircleAlert className="size-3" aria-hidden="true" /> : null}
      {mark ? t(`fieldMark.${mark}`) : null}
    </span>
  );
}
