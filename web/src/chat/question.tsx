import { useEffect, useRef } from "preact/hooks";
import { PencilIcon } from "../components/icons";
import { clockTime, plural } from "../lib/format";
import { live } from "../lib/live";
import { useStore } from "../lib/use-store";
import { LIMITS } from "../live/frames";
import { saveEdit, startEditing, stopEditing } from "./again";
import { sendAgain, takeBack } from "./controller";
import { memo } from "./memo";
import { type Pending, chat } from "./state";

/** One's own question; `item` where it stands in the log and may be put in other words. */
export const Question = memo(function Question({ item = null, text, quote, faded = false, mayEdit = false }: {
  item?: string | null; text: string; quote: string | null; faded?: boolean; mayEdit?: boolean;
}) {
  const editing = useStore(chat, (state) => item !== null && state.editing === item);
  if (item !== null && editing) return <Rewording item={item} text={text} />;
  return (
    <article class={faded ? "say say-you say-faded" : "say say-you"} aria-label="You" data-item={item ?? undefined}>
      {quote && <blockquote class="say-quote">{quote}</blockquote>}
      <p class="say-text">{text}</p>
      {item !== null && mayEdit && (
        <button type="button" class="icon-button icon-small say-edit" aria-label="Edit this question" title="Edit" onClick={() => startEditing(item)}>
          <PencilIcon />
        </button>
      )}
    </article>
  );
});

/** The question as a field, in its own place. */
function Rewording({ item, text }: { item: string; text: string }) {
  const again = useStore(chat, (state) => state.again);
  const field = useRef<HTMLTextAreaElement>(null);
  const saving = again?.kind === "edit" && again.refused === null;
  useEffect(() => {
    const box = field.current;
    if (!box) return;
    box.focus({ preventScroll: true });
    box.setSelectionRange(box.value.length, box.value.length);
    box.scrollIntoView({ block: "nearest" });
  }, []);
  const save = () => void saveEdit(item, field.current?.value ?? "");
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      // The panel must not close with it.
      event.preventDefault();
      stopEditing();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      save();
    }
  };
  return (
    <form class="say say-you say-rewording" aria-label="Your question in other words" onSubmit={(event) => { event.preventDefault(); save(); }}>
      <textarea ref={field} rows={3} maxLength={LIMITS.text} aria-label="Your question" defaultValue={text} disabled={saving} onKeyDown={onKeyDown} />
      <p class="small muted">What came after it is left behind, and a new answer begins.</p>
      {again?.kind === "edit" && again.refused && <p class="say-note" role="alert" data-refused={again.refused.code}>{refusal(again.refused.code, again.refused.message)}</p>}
      <div class="row">
        <button type="submit" class="button button-small button-primary" disabled={saving}>{saving ? "Saving…" : "Save"}</button>
        <button type="button" class="quiet-button" disabled={saving} onClick={stopEditing}>Cancel</button>
      </div>
    </form>
  );
}

/** A message that the log does not show yet, or that was refused. */
export function PendingMessage({ message }: { message: Pending }) {
  return (
    <>
      <Question text={message.text} quote={message.quote} faded={message.item === null} />
      {message.refused && (
        <div class={`say-note say-note-${message.refused.code}`} role="alert" data-refused={message.refused.code}>
          <p>{refusal(message.refused.code, message.refused.message)}</p>
          <div class="row">
            {message.refused.code !== "email_unverified" && message.refused.code !== "stage_locked" && (
              <button type="button" class="button button-small" onClick={() => sendAgain(message.messageId)}>Send again</button>
            )}
            <button type="button" class="quiet-button" onClick={() => takeBack(message.messageId)}>Edit</button>
          </div>
        </div>
      )}
    </>
  );
}

export function refusal(code: string, message: string): string {
  if (code === "email_unverified") return "Confirm your e-mail first: the tutor answers once the address is confirmed.";
  if (code === "busy_turn") return "The tutor is still answering in this chat. Wait for it, or stop it.";
  if (code === "quota_exceeded") {
    // In the reader's own time, which the server cannot know.
    const quota = live.status.value.quota;
    const free = clockTime(quota?.resets_at);
    return `You have used your ${plural(quota?.limit ?? 0, "message")} of the last 24 hours.${free && ` The next one is free at ${free}.`}`;
  }
  if (code === "offline" || code === "closed") return `Not sent. ${message}`;
  return message;
}
