import { useEffect, useLayoutEffect, useRef } from "react";
import { type Action, chosenKeys, keysOf, register, unregister } from "@/lib/actions";
import { useStore } from "@/lib/store";

/** Offers these actions while the calling screen is mounted. */
export function useActions(actions: readonly Action[]): void {
  const owner = useRef<symbol>(undefined);
  owner.current ??= Symbol("screen");
  useLayoutEffect(() => {
    if (owner.current) register(owner.current, actions);
  });
  useEffect(() => {
    const mine = owner.current;
    return () => {
      if (mine) unregister(mine);
    };
  }, []);
}

/** The keys of an action that are in force, for what shows them. */
export function useKeys(id: string, keys: readonly string[] | undefined): readonly string[] {
  return keysOf({ id, ...(keys ? { keys } : {}) }, useStore(chosenKeys));
}
