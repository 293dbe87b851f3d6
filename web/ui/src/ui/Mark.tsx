/** The product's mark. */
export function Mark({ small }: { small?: boolean }) {
  return (
    <span className="inline-flex items-center gap-2">
      <svg viewBox="0 0 32 32" className="size-7" aria-hidden="true">
        <rect width="32" height="32" rx="8" className="fill-accent" />
        <path d="M8 10.5h16M16 10.5V23" className="stroke-on-accent" strokeWidth="3.4" strokeLinecap="round" fill="none" />
        <circle cx="23.5" cy="21.5" r="3" className="fill-good-soft" />
      </svg>
      <span className={small ? "sr-only" : "text-lg font-semibold tracking-tight"}>TeleHub</span>
    </span>
  );
}
