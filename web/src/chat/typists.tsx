import { live } from "../lib/live";
import { useStore } from "../lib/use-store";

/** Who else is writing in this thread. */
export function TypistsLine({ thread }: { thread: string }) {
  const typists = useStore(live.typists, (all) => all[thread]);
  const me = useStore(live.status, (status) => status.user?.id);
  const words = Object.entries(typists ?? {}).map(([user, name]) => (user === me ? "You are writing in another window" : `${name} is writing`));
  return <p class={words.length > 0 ? "typists" : "sr-only"} role="status">{words.length > 0 && `${words.join(", ")}…`}</p>;
}
