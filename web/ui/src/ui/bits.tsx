import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { cx } from "@/lib/cx";

export type Tone = "plain" | "accent" | "good" | "wait" | "alarm";

const TONES: Record<Tone, string> = {
  plain: "bg-sunken text-ink-2",
  accent: "bg-accent-soft text-accent",
  good: "bg-good-soft text-good",
  wait: "bg-wait-soft text-wait",
  alarm: "bg-alarm-soft text-alarm",
};

/** A word with a colour; the colour never says it alone. */
export function Badge({ tone = "plain", icon: Icon, children, className }: { tone?: Tone; icon?: LucideIcon | undefined; children: ReactNode; className?: string }) {
  return (
    <span className={cx("inline-flex max-w-full items-center gap-1 rounded-full px-2 py-0.5 text-xs font-medium whitespace-nowrap inset-ring inset-ring-current/15", TONES[tone], className)}>
      {Icon ? <Icon className="size-3 shrink-0" aria-hidden="true" /> : null}
      <span className="truncate">{children}</span>
    </span>
  );
}

export function Card({ title, actions, children, className, flush }: { title?: ReactNode; actions?: ReactNode; children: ReactNode; className?: string; flush?: boolean }) {
  return (
    <section className={cx("rounded-lg border border-line bg-surface", className)}>
      {title || actions ? (
        <header className="flex min-h-11 items-center justify-between gap-3 border-b border-line px-4 py-1.5">
          <h2 className="font-semibold">{title}</h2>
          <div className="flex items-center gap-2">{actions}</div>
        </header>
      ) : null}
      <div className={flush ? "" : "p-4"}>{children}</div>
    </section>
  );
}

/** What is empty, why, and what to do next. */
export function EmptyState({ icon: Icon, title, children, action, page, compact }: { icon?: LucideIcon; title: string; children?: ReactNode; action?: ReactNode; page?: boolean; compact?: boolean }) {
  const Title = page ? "h1" : "p";
  return (
    <div className={cx("flex flex-col items-center gap-2 px-6 text-center", compact ? "py-5" : "py-12")}>
      {Icon ? <Icon className="size-8 text-ink-3" aria-hidden="true" strokeWidth={1.5} /> : null}
      <Title className={compact ? "text-ink-2" : "text-lg font-medium"}>{title}</Title>
      {children ? <div className="max-w-prose text-ink-2">{children}</div> : null}
      {action ? <div className="mt-2">{action}</div> : null}
    </div>
  );
}

export function Skeleton({ className }: { className?: string }) {
  return <div className={cx("skeleton", className)} aria-hidden="true" />;
}

/** Lines standing in for a list that loads. */
export function SkeletonRows({ rows = 6, label }: { rows?: number; label: string }) {
  return (
    <div role="status" aria-label={label} className="flex flex-col gap-2 p-4">
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} className="h-9" />
      ))}
    </div>
  );
}

export function PageHeader({ title, note, actions }: { title: ReactNode; note?: ReactNode; actions?: ReactNode }) {
  return (
    <header className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 px-4 pt-4 pb-3 md:px-6">
      <div className="min-w-0">
        <h1 className="text-xl font-semibold">{title}</h1>
        {note ? <p className="text-sm text-ink-3">{note}</p> : null}
      </div>
      {actions ? <div className="flex flex-wrap items-center gap-2 max-sm:has-[input]:grow">{actions}</div> : null}
    </header>
  );
}

/** A fact under its name. */
export function Fact({ name, children, className }: { name: ReactNode; children: ReactNode; className?: string }) {
  return (
    <div className={cx("min-w-0", className)}>
      <dt className="text-xs text-ink-3">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </div>
  );
}
