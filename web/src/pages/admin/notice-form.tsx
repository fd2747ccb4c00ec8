import { useState } from "preact/hooks";
import { LIMITS } from "../../live/frames";
import { act } from "./acting";

/** A message to one session, or to everybody who is connected. */
export function NoticeForm({ to, done, disabled = false, sent }: {
  to: { session?: string }; done: string; disabled?: boolean; sent?: () => void;
}) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const send = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    if (await act({ type: "notice", ...to, text: text.trim() }, done)) {
      setText("");
      sent?.();
    }
    setBusy(false);
  };
  return (
    <form class="form" onSubmit={(event) => void send(event)}>
      <textarea aria-label="Notice" rows={2} maxLength={LIMITS.notice} value={text} disabled={disabled || busy} onInput={(event) => setText(event.currentTarget.value)} />
      <button type="submit" class="button button-small" disabled={disabled || busy || text.trim() === ""}>Send the notice</button>
    </form>
  );
}

export function NoticeToAll() {
  const [open, setOpen] = useState(false);
  return (
    <div class="notice-to-all">
      <button type="button" class="button button-small" aria-expanded={open} onClick={() => setOpen(!open)}>Notice to everybody</button>
      {open && <NoticeForm to={{}} done="Everybody who is connected was told." sent={() => setOpen(false)} />}
    </div>
  );
}
