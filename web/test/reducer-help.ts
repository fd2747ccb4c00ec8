import type { ThreadInput, ThreadState } from "../src/live/reducer";
import { apply } from "../src/live/reducer";

export { apply, emptyThread } from "../src/live/reducer";
export type { ThreadState } from "../src/live/reducer";

export function bySeq(state: ThreadState, inputs: ThreadInput[]): ThreadState {
  return inputs.reduce(apply, state);
}
