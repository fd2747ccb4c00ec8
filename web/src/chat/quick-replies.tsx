import type { ThreadState } from "../live/reducer";
import { useStore } from "../lib/use-store";
import { anotherHint } from "./again";
import { ask, isBusy } from "./controller";
import { refusal } from "./question";
import { chat } from "./state";

/** What one may want to say next, under the newest answer. */
export function QuickReplies({ thread }: { thread: ThreadState }) {
  const pending = useStore(chat, (state) => state.pending.length);
  const again = useStore(chat, (state) => state.again);
  const editing = useStore(chat, (state) => state.editing);
  if (isBusy(thread) || pending > 0 || editing !== null || thread.items.at(-1)?.type !== "assistant_message") return null;
  const fill = (draft: string) => chat.patch({ draft, focus: chat.value.focus + 1 });
  return (
    <>
      {again?.refused && (
        <p class={`say-note say-note-${again.refused.code} quick-note`} role="alert" data-refused={again.refused.code} data-kind={again.kind}>
          {refusal(again.refused.code, again.refused.message)}
        </p>
      )}
      <div class="quick" role="group" aria-label="Quick replies">
        <button type="button" class="chip" onClick={anotherHint}>Another hint</button>
        <button type="button" class="chip" onClick={() => fill("I think the answer is ")}>I think the answer is…</button>
        <button type="button" class="chip" onClick={() => ask("I don’t understand. Can you put it another way?")}>I don’t understand</button>
      </div>
    </>
  );
}
