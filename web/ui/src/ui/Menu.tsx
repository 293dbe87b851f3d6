import { Menu as Base } from "@base-ui/react/menu";
import { Check } from "lucide-react";
import type { ReactElement, ReactNode } from "react";
import { cx } from "@/lib/cx";

const popupClass = "min-w-48 max-h-[var(--available-height)] overflow-y-auto rounded-lg border border-line bg-surface p-1 text-ink shadow-float outline-none";
const itemClass = "flex min-h-9 w-full items-center gap-2.5 rounded-md px-2.5 outline-none select-none data-highlighted:bg-sunken data-disabled:text-ink-3";

/** A button that opens a list of things to do. */
export function Menu({ trigger, children, align = "end", defaultOpen }: { trigger: ReactElement; children: ReactNode; align?: "start" | "center" | "end"; defaultOpen?: boolean }) {
  return (
    <Base.Root modal={false} defaultOpen={defaultOpen ?? false}>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner sideOffset={6} align={align} className="z-50 outline-none">
          <Base.Popup className={popupClass}>{children}</Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

export function MenuItem({ onClick, children, className }: { onClick: () => void; children: ReactNode; className?: string }) {
  return (
    <Base.Item onClick={onClick} className={cx(itemClass, className)}>
      {children}
    </Base.Item>
  );
}

/** One choice out of several, the current one ticked. */
export function MenuChoice<T extends string>({ label, value, options, onChange }: { label: string; value: T; options: readonly { value: T; label: ReactNode; lang?: string }[]; onChange: (value: T) => void }) {
  return (
    <Base.Group>
      <Base.GroupLabel className="px-2.5 pt-1.5 pb-1 text-xs text-ink-3">{label}</Base.GroupLabel>
      <Base.RadioGroup value={value} onValueChange={(next: T) => onChange(next)}>
        {options.map((option) => (
          <Base.RadioItem key={option.value} value={option.value} className={itemClass} lang={option.lang}>
            <span className="flex size-4 items-center justify-center">
              <Base.RadioItemIndicator>
                <Check className="size-4 text-accent" aria-hidden="true" />
              </Base.RadioItemIndicator>
            </span>
            {option.label}
          </Base.RadioItem>
        ))}
      </Base.RadioGroup>
    </Base.Group>
  );
}

export function MenuLine() {
  return <Base.Separator className="my-1 h-px bg-line" />;
}

export function MenuText({ children }: { children: ReactNode }) {
  return <div className="px-2.5 py-1.5 text-sm text-ink-2">{children}</div>;
}
