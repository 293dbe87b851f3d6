import { type Action, match } from "@/lib/actions";
import { toast } from "@/ui/toast";

/** A key pressed twice in haste, or one that bounces, acts once. */
export const REST_MS = 300;

/** Whether an action may run now, `now` in milliseconds; remembers that it ran. */
export function createThrottle(): (action: Pick<Action, "id" | "rests">, now: number) => boolean {
  const ran = new Map<string, number>();
  return ({ id, rests }, now) => {
    if (rests && now - (ran.get(id) ?? -Infinity) < REST_MS) return false;
    ran.set(id, now);
    return true;
  };
}

/** Listens for the keys of the mounted actions. Returns the way to stop. */
export function installKeyboard(): () => void {
  const mayRun = createThrottle();
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented) return;
    const found = match(event);
    if (found.kind === "none" || found.kind === "ambiguous") return;
    event.preventDefault();
    if (found.kind === "blocked") toast("info", found.action.label, { detail: found.reason });
    else if (mayRun(found.action, performance.now())) found.action.run();
  };
  window.addEventListener("keydown", onKey);
  return () => window.removeEventListener("keydown", onKey);
}
