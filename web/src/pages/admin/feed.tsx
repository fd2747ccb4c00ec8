import type { ComponentChildren } from "preact";
import { Notice, Spinner } from "../../components/ui";
import { live } from "../../lib/live";
import { useStore } from "../../lib/use-store";
import type { FeedName, FeedRows } from "../../live/frames";

/** The rows of a feed that the page watches, once they are there; why not, otherwise. */
export function WithRows<F extends FeedName>({ feed, what, children }: {
  feed: F; what: string; children: (rows: FeedRows[F][]) => ComponentChildren;
}) {
  const state = useStore(live.feeds, (feeds) => feeds[feed]);
  const phase = useStore(live.status, (status) => status.phase);
  if (state?.refused) return <Notice kind="bad">{state.refused}</Notice>;
  if (!state?.rows) return <Spinner label={phase === "online" ? `Loading the ${what}…` : "Connecting…"} />;
  return <>{children([...(state.rows as ReadonlyMap<string, FeedRows[F]>).values()])}</>;
}

/** Names of the people who are connected, by id: other feeds tell only the id. */
export function useNames(): (user: string) => string {
  const rows = useStore(live.feeds, (feeds) => feeds.sessions?.rows);
  return (user) => {
    for (const row of rows?.values() ?? []) if (row.user.id === user) return row.user.name;
    return user;
  };
}
