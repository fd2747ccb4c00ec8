import type { ThreadState } from "../live/reducer";
import { endOf } from "../live/reducer";
import { itemText } from "../live/frames";
import { useStore } from "../lib/use-store";
import { Answer, EndNote, Running, Thinking } from "./answer";
import { bareEnd, isBusy } from "./controller";
import { PendingMessage, Question } from "./question";
import { type Pending, chat } from "./state";

export function Messages({ thread, pending, tutor }: { thread: ThreadState | null; pending: Pending[]; tutor: string | null }) {
  const again = useStore(chat, (state) => state.again);
  const bare = thread ? bareEnd(thread) : null;
  const busy = isBusy(thread);
  const newest = thread?.order.at(-1);
  const beginning = !thread?.turn && (pending.some((message) => message.refused === null) || (again !== null && again.refused === null));
  return (
    <>
      {thread?.items.map((item) => {
        if (item.type === "user_message") {
          return <Question key={item.id} item={item.id} text={itemText(item)} quote={item.quoted_text ?? null} mayEdit={!busy} />;
        }
        const end = endOf(thread, item.id);
        return <Answer key={item.id} item={item} end={end} newest={!busy && end !== null && end.turn === newest} />;
      })}
      {thread && bare && <EndNote end={bare} mayRetry={!busy} />}
      {pending.map((message) => <PendingMessage key={message.messageId} message={message} />)}
      {thread?.turn && <Running turn={thread.turn} tutor={tutor} />}
      {beginning && <Thinking label="Sending…" />}
    </>
  );
}
