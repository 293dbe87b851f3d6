import { type KeyboardEvent, type ReactNode, useId, useRef } from "react";
import { cx } from "@/lib/cx";

interface TabsProps<T extends string> {
  label: string;
  value: T;
  onChange: (value: T) => void;
  items: readonly { value: T; label: ReactNode; count?: string | undefined }[];
  children: ReactNode;
  panelClassName?: string;
  aside?: ReactNode;
}

/** Views of one thing side by side; arrows move between them. */
export function Tabs<T extends string>({ label, value, onChange, items, children, panelClassName, aside }: TabsProps<T>) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const at = items.findIndex((item) => item.value === value);
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: items.length - 1 - at }[event.code];
    if (step === undefined) return;
    event.preventDefault();
    const next = (at + step + items.length) % items.length;
    const item = items[next];
    if (item) onChange(item.value);
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[next]?.focus();
  };
  return (
    <>
      <div className="flex flex-wrap items-center gap-x-4 border-b border-line px-2 md:px-3">
        <div ref={list} role="tablist" aria-label={label} onKeyDown={onKeyDown} className="flex min-w-0 overflow-x-auto">
          {items.map((item) => (
            <button
              key={item.value}
              type="button"
              role="tab"
              id={`${id}-${item.value}`}
              aria-selected={item.value === value}
              aria-controls={`${id}-panel`}
              tabIndex={item.value === value ? 0 : -1}
              onClick={() => onChange(item.value)}
              className={cx(
                "-mb-px min-h-10 border-b-2 px-2.5 sm:px-3 whitespace-nowrap focus-visible:-outline-offset-2",
                item.value === value ? "border-accent font-semibold text-accent" : "border-transparent text-ink-2 hover:text-ink",
              )}
            >
              {item.label}
              {item.count === undefined ? null : <span className={cx("ml-1.5 rounded-full px-1.5 py-0.5 text-xs", item.value === value ? "bg-accent-soft" : "bg-sunken")}>{item.count}</span>}
            </button>
          ))}
        </div>
        {aside ? <div className="ml-auto flex items-center gap-2 py-1">{aside}</div> : null}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${value}`} className={panelClassName}>
        {children}
      </div>
    </>
  );
}
