import type { LiveClient } from "../src/live/client";
import type { Ended } from "../src/live/reducer";
import { until } from "../test/until";

export function online(client: LiveClient): Promise<true> {
  return until(client.status, ({ phase }) => phase === "online", "the connection");
}

/** The turn's end, once its proof was made. */
export function ended(client: LiveClient, thread: string, turn: string): Promise<Ended> {
  return until(
    client.threads,
    (threads) => {
      const end = threads[thread]?.ended[turn];
      return end && end.verified !== "pending" ? end : null;
    },
    `the end of ${turn}`,
  );
}

/** The answer has so many characters, or was over before this client saw that. */
export function begun(client: LiveClient, thread: string, turn: string, length: number): Promise<true> {
  return until(
    client.threads,
    (threads) => {
      const state = threads[thread];
      return state?.ended[turn] !== undefined || (state?.turn?.id === turn && state.turn.text.length >= length);
    },
    `the begin of ${turn}`,
  );
}

/** Something is being written in the thread, so many characters of it at least. */
export function streaming(client: LiveClient, length: number): Promise<{ thread: string; turn: string }> {
  return until(
    client.threads,
    (threads) => {
      for (const { id, turn } of Object.values(threads)) if (turn && turn.text.length >= length) return { thread: id, turn: turn.id };
      return null;
    },
    "a running answer",
  );
}
