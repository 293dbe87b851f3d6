import { type ComponentProps, type ReactNode, useId } from "react";
import { type Action, keyNames } from "@/lib/actions";
import { useKeys } from "@/lib/useActions";
import { cx } from "@/lib/cx";

export type ButtonLook = "primary" | "plain" | "quiet" | "good" | "good-quiet" | "alarm" | "alarm-quiet";
export type ButtonSize = "sm" | "md" | "lg" | "icon" | "icon-sm";

const LOOKS: Record<ButtonLook, string> = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong border-transparent",
  plain: "bg-surface text-ink border-edge/60 hover:bg-sunken",
  quiet: "bg-transparent text-ink-2 border-transparent hover:bg-sunken hover:text-ink",
  good: "bg-good text-on-good hover:brightness-110 border-transparent",
  "good-quiet": "bg-surface text-good border-good/45 hover:bg-good-soft",
  alarm: "bg-alarm text-on-alarm hover:bg-alarm-strong border-transparent",
  "alarm-quiet": "bg-transparent text-alarm border-alarm/50 hover:bg-alarm-soft",
};
const SIZES: Record<ButtonSize, string> = {
  sm: "min-h-7 px-2.5 text-sm gap-1.5 rounded-md",
  md: "min-h-9 px-3.5 gap-2 rounded-md",
  lg: "min-h-11 px-5 text-lg gap-2 rounded-lg",
  icon: "size-9 rounded-md",
  "icon-sm": "size-7 rounded-md",
};
const OFF = "aria-disabled:bg-sunken aria-disabled:text-ink-3 aria-disabled:border-line aria-disabled:hover:bg-sunken aria-disabled:hover:brightness-100";

export interface ButtonProps extends Omit<ComponentProps<"button">, "disabled"> {
  look?: ButtonLook;
  size?: ButtonSize;
  /** Why it cannot be pressed now. It stays in the tab order and says so. */
  disabledReason?: string | null | undefined;
  /** Work is under way: presses are ignored. */
  busy?: boolean;
  /** Shown on hover and focus; icon-only buttons also take it as their name. */
  hint?: string;
  keys?: readonly string[] | undefined;
  /** The action whose keys they are: shown as they were chosen. */
  actionId?: string | undefined;
}

export function buttonClass(look: ButtonLook = "plain", size: ButtonSize = "md", more?: string): string {
  return cx(
    "inline-flex shrink-0 items-center justify-center border font-medium whitespace-nowrap select-none transition-colors",
    LOOKS[look],
    SIZES[size],
    OFF,
    more,
  );
}

export function Button({ look, size, className, disabledReason, busy, hint, keys: usual, actionId, onClick, children, ...rest }: ButtonProps) {
  const reasonId = useId();
  const keys = useKeys(actionId ?? "", usual);
  const off = Boolean(disabledReason) || Boolean(busy);
  const icon = size?.startsWith("icon");
  const tip = disabledReason ?? hint;
  return (
    <button
      type="button"
      {...rest}
      className={buttonClass(look, size, className)}
      aria-disabled={off || undefined}
      aria-busy={busy || undefined}
      aria-label={rest["aria-label"] ?? (icon ? hint : undefined)}
      aria-keyshortcuts={keys.map(ariaKeys).join(" ") || undefined}
      aria-describedby={disabledReason ? reasonId : rest["aria-describedby"]}
      data-tip={tip}
      data-keys={disabledReason ? undefined : keys[0]}
      onClick={(event) => {
        if (off) {
          event.preventDefault();
          return;
        }
        onClick?.(event);
      }}
    >
      {children}
      {disabledReason ? (
        <span id={reasonId} hidden>
          {disabledReason}
        </span>
      ) : null}
    </button>
  );
}

/** `Ctrl+Shift+KeyE` for aria-keyshortcuts: `Control+Shift+E`. */
export function ariaKeys(combo: string): string {
  return combo.replace("Ctrl", "Control").replace(/(Key|Digit)/, "");
}

/** A combination as key caps. */
export function Keys({ combo, className }: { combo: string; className?: string }) {
  return (
    <span className={cx("inline-flex gap-0.5 align-middle", className)} aria-hidden="true">
      {keyNames(combo).map((name) => (
        <kbd key={name} className="kbd">
          {name}
        </kbd>
      ))}
    </span>
  );
}

/** The button of a registered action: same words, same keys, same reason. */
export function ActionButton({ action, children, hint, ...rest }: { action: Action; children?: ReactNode } & Omit<ButtonProps, "onClick" | "keys" | "disabledReason">) {
  const icon = rest.size?.startsWith("icon");
  const tip = hint ?? (icon || children ? action.label : undefined);
  return (
    <Button {...rest} {...(tip ? { hint: tip } : {})} keys={action.keys} actionId={action.id} disabledReason={action.disabledReason} onClick={action.run}>
      {children ?? action.label}
    </Button>
  );
}
