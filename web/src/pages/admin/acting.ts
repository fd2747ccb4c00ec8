import { live } from "../../lib/live";
import { Refused } from "../../live/refused";
import type { Action } from "../../live/frames";
import { Store } from "../../live/store";

export interface Outcome {
  words: string;
  /** The entry in the audit log; empty where the answer does not name it, null if nothing was done. */
  audit: string | null;
}

/** What came of the last action, until it is put away. */
export const outcome = new Store<Outcome | null>(null);

/** Does it, and shows what came of it: `done` with the audit entry, or the server's refusal. */
export async function act(action: Action, done: string): Promise<boolean> {
  try {
    const { audit } = await live.act(action);
    outcome.set({ words: done, audit });
    return true;
  } catch (error) {
    outcome.set({ words: error instanceof Refused ? error.message : "That did not work.", audit: null });
    return false;
  }
}
