import { useEffect, useRef } from "preact/hooks";
import { CloseIcon, SendIcon, StopIcon } from "../components/icons";
import type { ThreadState } from "../live/reducer";
import { live } from "../lib/live";
import { useStore } from "../lib/use-store";
import { LIMITS } from "../live/frames";
import { ask, isBusy, stop } from "./controller";
import { chat } from "./state";

export function Composer({ thread, disabled }: { thread: ThreadState | null; disabled: string | null }) {
  const { draft, quote, focus, open, stopping, pending, again } = useStore(chat);
  const field = useRef<HTMLTextAreaElement>(null);
  const busy = isBusy(thread);
  const running = thread?.turn != null || pending.some((message) => message.turn !== null) || again?.turn != null;

  useEffect(() => {
    const box = field.current;
    if (!open || !box) return;
    box.focus({ preventScroll: true });
    box.setSelectionRange(box.value.length, box.value.length);
  }, [focus, open]);
  useEffect(() => {
    const box = field.current;
    if (!box) return;
    // Set through the object model: the CSP allows that, and no style attribute.
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, 180)}px`;
  }, [draft, open]);

  const write = (words: string) => {
    chat.patch({ draft: words });
    if (thread) live.typing(thread.id, words !== "");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    ask(draft);
  };
  return (
    <form class="composer" onSubmit={(event) => { event.preventDefault(); ask(draft); }}>
      {quote && (
        <div class="quote-chip">
          <span class="quote-chip-text"><span class="sr-only">Quoted: </span>{quote}</span>
          <button type="button" class="icon-button icon-small" aria-label="Remove the quote" onClick={() => chat.patch({ quote: null, block: null })}>
            <CloseIcon />
          </button>
        </div>
      )}
      <div class="composer-row">
        <textarea
          ref={field} rows={1} name="message" aria-label="Your message" maxLength={LIMITS.text} disabled={disabled !== null}
          placeholder={disabled ?? (quote ? "What puzzles you here?" : "Ask about this lesson")} value={draft}
          onInput={(event) => write(event.currentTarget.value)} onKeyDown={onKeyDown} onBlur={() => thread && live.typing(thread.id, false)}
        />
        {busy && running ? (
          <button type="button" class="send-button stop-button" aria-label={stopping ? "Stopping" : "Stop"} title="Stop" disabled={stopping} onClick={() => void stop()}>
            <StopIcon />
          </button>
        ) : (
          <button type="submit" class="send-button" aria-label="Send" title="Send (Enter)" disabled={disabled !== null || busy || draft.trim() === ""}>
            <SendIcon />
          </button>
        )}
      </div>
    </form>
  );
}
