import { useEffect, useReducer, useRef } from "preact/hooks";

/** A value that pages can watch. Changes of one task reach the watchers once, as a batch. */
export class Store<T> {
  #value: T;
  #watchers = new Set<(value: T) => void>();
  #queued = false;

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(next: T): void {
    if (Object.is(next, this.#value)) return;
    this.#value = next;
    if (this.#queued) return;
    this.#queued = true;
    queueMicrotask(() => {
      this.#queued = false;
      for (const watcher of [...this.#watchers]) watcher(this.#value);
    });
  }

  patch(part: Partial<T>): void {
    this.set({ ...this.#value, ...part });
  }

  watch(watcher: (value: T) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}

/** Renders again when the selected part changes. */
export function useStore<T, S = T>(store: Store<T>, select: (value: T) => S = (value) => value as unknown as S): S {
  const [, renderAgain] = useReducer((count: number) => count + 1, 0);
  const part = select(store.value);
  const latest = useRef({ part, select });
  latest.current = { part, select };
  useEffect(() => {
    const check = (value: T) => {
      if (!Object.is(latest.current.select(value), latest.current.part)) renderAgain(0);
    };
    // Something may have changed between the render and this effect.
    check(store.value);
    return store.watch(check);
  }, [store]);
  return part;
}
