import { useEffect, useLayoutEffect, useRef } from "react";
import { type Action, register, unregister } from "@/lib/actions";

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
