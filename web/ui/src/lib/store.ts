import { useSyncExternalStore } from "react";

/** A value outside React with its listeners: the smallest store that useSyncExternalStore accepts. */
export interface Store<T> {
  get(): T;
  set(next: T | ((previous: T) => T)): void;
  subscribe(listener: () => void): () => void;
}

export function createStore<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      const computed = typeof next === "function" ? (next as (previous: T) => T)(value) : next;
      if (Object.is(computed, value)) return;
      value = computed;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Reads a store; `pick` must return something stable for an unchanged value. */
export function useStore<T, R = T>(store: Store<T>, pick?: (value: T) => R): R {
  const read = () => (pick ? pick(store.get()) : (store.get() as unknown as R));
  return useSyncExternalStore(store.subscribe, read, read);
}
