import { type ComponentProps, type ReactNode, useId } from "react";
import { cx } from "@/lib/cx";

export const controlClass =
  "w-full min-h-9 rounded-md border border-edge bg-surface px-2.5 text-ink aria-invalid:border-alarm aria-invalid:outline-alarm [&[readonly]]:bg-sunken disabled:bg-sunken disabled:text-ink-3";

interface FieldProps {
  label: ReactNode;
  hint?: ReactNode;
  error?: string | null | undefined;
  required?: boolean;
  /** Said to screen readers only. */
  hideLabel?: boolean;
  className?: string | undefined;
  children: (control: { id: string; "aria-describedby": string | undefined; "aria-invalid": true | undefined; "aria-required": true | undefined }) => ReactNode;
}

/** Label, control, hint and error, tied together. */
export function Field({ label, hint: advice, error, required, hideLabel, className, children }: FieldProps) {
  const id = useId();
  // The rule that was broken is not said twice.
  const hint = advice === error ? null : advice;
  const hintId = `${id}-hint`;
  const errorId = `${id}-error`;
  const described = [error ? errorId : null, hint ? hintId : null].filter(Boolean).join(" ") || undefined;
  return (
    <div className={cx("min-w-0", className)}>
      <label htmlFor={id} className={hideLabel ? "sr-only" : "mb-1 block text-sm font-medium text-ink-2"}>
        {label}
        {required ? (
          <span className="leading-none text-alarm" aria-hidden="true">
            {" *"}
          </span>
        ) : null}
      </label>
      {children({ id, "aria-describedby": described, "aria-invalid": error ? true : undefined, "aria-required": required || undefined })}
      {error ? (
        <p id={errorId} className="mt-1 text-sm text-alarm" role="alert">
          {error}
        </p>
      ) : null}
      {hint ? (
        <p id={hintId} className="mt-1 text-sm text-ink-3">
          {hint}
        </p>
      ) : null}
    </div>
  );
}

type Shared = Omit<FieldProps, "children">;

export function TextField({ label, hint, error, hideLabel, className, inputClassName, ...input }: Shared & Omit<ComponentProps<"input">, "className"> & { inputClassName?: string }) {
  return (
    <Field label={label} hint={hint} error={error} required={input.required ?? false} hideLabel={hideLabel ?? false} className={className}>
      {(control) => <input {...input} {...control} required={false} className={cx(controlClass, inputClassName)} />}
    </Field>
  );
}

export function TextArea({ label, hint, error, hideLabel, className, inputClassName, ...input }: Shared & Omit<ComponentProps<"textarea">, "className"> & { inputClassName?: string }) {
  return (
    <Field label={label} hint={hint} error={error} required={input.required ?? false} hideLabel={hideLabel ?? false} className={className}>
      {(control) => <textarea {...input} {...control} required={false} className={cx(controlClass, "py-2", inputClassName)} />}
    </Field>
  );
}

export interface Option {
  value: string;
  label: string;
}

/** The browser's own list: quick by keyboard, right on phones, nothing to download. */
export function SelectField({ label, hint, error, hideLabel, className, options, empty, ...input }: Shared & Omit<ComponentProps<"select">, "className"> & { options: readonly Option[]; empty?: string }) {
  return (
    <Field label={label} hint={hint} error={error} required={input.required ?? false} hideLabel={hideLabel ?? false} className={className}>
      {(control) => (
        // Drawn anew when its options come: until then the browser could not choose the value that the form holds.
        <select key={options.length > 0 ? "full" : "empty"} {...input} {...control} required={false} className={controlClass}>
          {empty === undefined ? null : <option value="">{empty}</option>}
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function CheckField({ label, hint, ...input }: { label: ReactNode; hint?: ReactNode } & Omit<ComponentProps<"input">, "type">) {
  const id = useId();
  return (
    <div className="flex items-start gap-2.5">
      <input {...input} id={id} type="checkbox" aria-describedby={hint ? `${id}-hint` : undefined} className="mt-0.5 size-4.5 shrink-0 accent-accent" />
      <div>
        <label htmlFor={id} className="font-medium">
          {label}
        </label>
        {hint ? (
          <p id={`${id}-hint`} className="text-sm text-ink-3">
            {hint}
          </p>
        ) : null}
      </div>
    </div>
  );
}
