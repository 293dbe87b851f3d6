/** Parts of a screen that are not there at first: fetched early, drawn at once. A lazy component would suspend when it is wanted. */
import type { ComponentType } from "react";
import { useEffect } from "react";
import { createStore, useStore } from "@/lib/store";

export interface Later<P> {
  /** Draws nothing until its code has come. */
  Part: ComponentType<P>;
  /** Fetches the code; once it has come, or is on its way, this asks no more. Whether it came. */
  fetch: () => Promise<boolean>;
  /** For the button that will want it: fetches as the hand or the focus comes near. */
  near: { onPointerEnter: () => void; onFocus: () => void };
  /** The component itself once it is here. `wanted`: ask for it now; a changed `again` asks once more after a failure. */
  useLoaded: (wanted: boolean, again?: unknown) => ComponentType<P> | null;
}

export function later<P extends object>(load: () => Promise<ComponentType<P>>): Later<P> {
  const here = createStore<ComponentType<P> | null>(null);
  let loading: Promise<boolean> | null = null;
  const fetch = (): Promise<boolean> => {
    loading ??= load().then(
      (loaded) => {
        here.set(() => loaded);
        return true;
      },
      () => {
        // Asked for again when it is next wanted.
        loading = null;
        return false;
      },
    );
    return loading;
  };
  function useLoaded(wanted: boolean, again?: unknown): ComponentType<P> | null {
    useEffect(() => {
      if (wanted) void fetch();
    }, [wanted, again]);
    return useStore(here);
  }
  function Part(props: P) {
    const Loaded = useLoaded(true);
    return Loaded ? <Loaded {...props} /> : null;
  }
  const come = () => void fetch();
  return { Part, fetch, near: { onPointerEnter: come, onFocus: come }, useLoaded };
}
