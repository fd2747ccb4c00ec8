import type { Store } from "../src/live/store";

/** The first value that passes, now or later; what it was instead, if none does in time. */
export function until<T, R>(store: Store<T>, look: (value: T) => R | null | undefined | false, what: string, ms = 40_000): Promise<R> {
  return new Promise((resolve, reject) => {
    let leave = () => {};
    const check = (value: T) => {
      const found = look(value);
      if (found === null || found === undefined || found === false) return;
      clearTimeout(timer);
      leave();
      resolve(found as R);
    };
    const timer = setTimeout(() => {
      leave();
      reject(new Error(`${what} did not come in ${ms} ms`));
    }, ms);
    leave = store.watch(check);
    check(store.value);
  });
}
