import { match } from "@/lib/actions";
import { toast } from "@/ui/toast";

/** Listens for the keys of the mounted actions. Returns the way to stop. */
export function installKeyboard(): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented) return;
    const found = match(event);
    if (found.kind === "none" || found.kind === "ambiguous") return;
    event.preventDefault();
    if (found.kind === "blocked") toast("info", found.action.label, { detail: found.reason });
    else found.action.run();
  };
  window.addEventListener("keydown", onKey);
  return () => window.removeEventListener("keydown", onKey);
}
