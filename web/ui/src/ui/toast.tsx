/** Short notices. Asking for one is light; what shows them is loaded with the first. */
import { Suspense, lazy, useEffect, useState } from "react";
import { createStore } from "@/lib/store";

export type ToastKind = "info" | "done" | "failed";

export interface Notice {
  kind: ToastKind;
  title: string;
  detail?: string | undefined;
  /** Takes the act back; the notice then goes away. */
  undo?: (() => void) | undefined;
  undoLabel?: string | undefined;
}

/** Notices that are not on the screen yet. */
export const notices = createStore<readonly Notice[]>([]);

/** Tells the user something that needs no answer. */
export function toast(kind: ToastKind, title: string, options: Omit<Notice, "kind" | "title"> = {}): void {
  notices.set((waiting) => [...waiting, { kind, title, ...options }]);
}

const ToastList = lazy(() => import("@/ui/ToastList"));

export function Toasts() {
  const [wanted, setWanted] = useState(false);
  useEffect(() => {
    const look = () => (notices.get().length > 0 ? setWanted(true) : undefined);
    look();
    return notices.subscribe(look);
  }, []);
  return wanted ? (
    <Suspense fallback={null}>
      <ToastList />
    </Suspense>
  ) : null;
}
