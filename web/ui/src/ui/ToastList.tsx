/** Base UI's toasts: sonner writes its own style element, which the policy of the page forbids. Loaded with the first notice. */
import { Toast } from "@base-ui/react/toast";
import { X } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { cx } from "@/lib/cx";
import { Button, buttonClass } from "@/ui/Button";
import { type Notice, notices } from "@/ui/toast";

const manager = Toast.createToastManager();
/** Long enough to read and to undo. */
const SHOWN_MS = 8_000;

function show({ kind, title, detail, undo, undoLabel }: Notice): void {
  const id: string = manager.add({
    title,
    description: detail,
    type: kind,
    timeout: SHOWN_MS,
    priority: kind === "failed" ? "high" : "low",
    ...(undo
      ? {
          actionProps: {
            children: undoLabel,
            onClick: () => {
              undo();
              manager.close(id);
            },
          },
        }
      : {}),
  });
}

export default function ToastList() {
  useEffect(() => {
    const drain = () => {
      const waiting = notices.get();
      if (waiting.length === 0) return;
      notices.set([]);
      waiting.forEach(show);
    };
    drain();
    return notices.subscribe(drain);
  }, []);
  return (
    <Toast.Provider toastManager={manager} limit={4}>
      <Toast.Portal>
        <Toast.Viewport className="fixed right-4 bottom-4 z-60 flex w-[min(24rem,calc(100vw-2rem))] flex-col gap-2">
          <List />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function List() {
  const { toasts } = Toast.useToastManager();
  const { t } = useTranslation();
  return toasts.map((item) => (
    <Toast.Root
      key={item.id}
      toast={item}
      // What can be pressed is not hidden from those who listen to the screen, though a live region reads it out as well.
      aria-hidden={false}
      className={cx(
        "rounded-lg border bg-surface shadow-float transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0",
        item.type === "failed" ? "border-alarm" : "border-line",
      )}
    >
      <Toast.Content className="flex items-start gap-3 px-3.5 py-2.5">
        <div className="min-w-0 flex-1">
          <Toast.Title className={cx("font-medium", item.type === "failed" && "text-alarm")} />
          <Toast.Description className="text-sm text-ink-2" />
        </div>
        {item.actionProps ? <Toast.Action className={buttonClass("plain", "sm")} /> : null}
        <Toast.Close aria-hidden={false} render={<Button look="quiet" size="icon-sm" aria-label={t("ui.close")} />}>
          <X className="size-4" aria-hidden="true" />
        </Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ));
}
