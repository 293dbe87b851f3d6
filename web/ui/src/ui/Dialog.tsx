import { Dialog as Base } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { holdForModal } from "@/lib/actions";
import { cx } from "@/lib/cx";
import { Button } from "@/ui/Button";

interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: ReactNode;
  note?: ReactNode;
  children: ReactNode;
  footer?: ReactNode;
  /** `side` slides along the right edge: forms that need height. */
  place?: "centre" | "side";
  wide?: boolean;
}

/** A modal window. The keys of the screen below rest while it is open. */
export function Dialog({ open, onClose, title, note, children, footer, place = "centre", wide }: DialogProps) {
  const { t } = useTranslation();
  useEffect(() => (open ? holdForModal() : undefined), [open]);
  return (
    <Base.Root open={open} onOpenChange={(next) => (next ? undefined : onClose())}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-black/45" />
        <Base.Popup
          className={cx(
            "fixed z-50 flex flex-col bg-surface text-ink shadow-float outline-none",
            place === "centre"
              ? cx("top-1/2 left-1/2 max-h-[90dvh] w-[calc(100vw-1.5rem)] -translate-x-1/2 -translate-y-1/2 rounded-xl border border-line", wide ? "max-w-3xl" : "max-w-lg")
              : cx("inset-y-0 right-0 w-full border-l border-line", wide ? "max-w-2xl" : "max-w-md"),
          )}
        >
          <header className="flex items-start justify-between gap-4 border-b border-line px-5 py-3.5">
            <div className="min-w-0">
              <Base.Title className="text-lg font-semibold">{title}</Base.Title>
              {note ? <Base.Description className="text-sm text-ink-3">{note}</Base.Description> : null}
            </div>
            <Base.Close render={<Button look="quiet" size="icon-sm" aria-label={t("ui.close")} />}>
              <X className="size-4" aria-hidden="true" />
            </Base.Close>
          </header>
          <div className="min-h-0 flex-1 overflow-y-auto px-5 py-4">{children}</div>
          {footer ? <footer className="flex flex-wrap justify-end gap-2 border-t border-line px-5 py-3">{footer}</footer> : null}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
