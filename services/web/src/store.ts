/** A value that parts of the page watch: the smallest store that React can subscribe to. */
import { useSyncExternalStore } from "react";

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
      const result = typeof next === "function" ? (next as (previous: T) => T)(value) : next;
      if (Object.is(result, value)) return;
      value = result;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Resolves once the value holds what is awaited, or after `withinMs`. */
export function until<T>(store: Store<T>, holds: (value: T) => boolean, withinMs?: number): Promise<void> {
  return new Promise((resolve) => {
    if (holds(store.get())) return resolve();
    const finish = () => {
      stop();
      clearTimeout(timer);
      resolve();
    };
    const stop = store.subscribe(() => holds(store.get()) && finish());
    const timer = withinMs === undefined ? undefined : setTimeout(finish, withinMs);
  });
}

export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.get);
}
