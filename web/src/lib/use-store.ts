import { useEffect, useReducer, useRef } from "preact/hooks";
import type { Store } from "../live/store";

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
