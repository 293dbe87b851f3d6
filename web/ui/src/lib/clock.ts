import { useSyncExternalStore } from "react";
import { createStore } from "@/lib/store";

/** One tick for every timer on the screen, so that they change together; stopped while nobody looks. */
const seconds = createStore(Math.floor(Date.now() / 1000));
let timer: ReturnType<typeof setInterval> | undefined;
let watchers = 0;

function subscribe(listener: () => void): () => void {
  const off = seconds.subscribe(listener);
  watchers += 1;
  if (watchers === 1) {
    seconds.set(Math.floor(Date.now() / 1000));
    timer = setInterval(() => seconds.set(Math.floor(Date.now() / 1000)), 250);
  }
  return () => {
    off();
    watchers -= 1;
    if (watchers === 0) clearInterval(timer);
  };
}

/** The wall clock in milliseconds, changing once a second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, seconds.get, seconds.get) * 1000;
}
