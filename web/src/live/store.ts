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
