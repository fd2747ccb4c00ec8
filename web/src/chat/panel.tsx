import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { ResendButton } from "../components/verify-banner";
import { session } from "../lib/auth";
import { plural } from "../lib/format";
import { live } from "../lib/live";
import type { ThreadState } from "../live/reducer";
import { useStore } from "../lib/use-store";
import { Composer } from "./composer";
import { ask, closeChat } from "./controller";
import { ChatHeader, useOnline } from "./header";
import { Messages } from "./messages";
import { QuickReplies } from "./quick-replies";
import { chat } from "./state";
import { ThreadList } from "./thread-list";
import { TypistsLine } from "./typists";

export function ChatPanel({ lessonTitle }: { lessonTitle: string }) {
  const { open, view, thread: id } = useStore(chat);
  const thread = useStore(live.threads, (threads) => (id === null ? null : (threads[id] ?? null)));
  const status = useStore(live.status);

  useEffect(() => {
    if (open) document.documentElement.classList.add("chat-open");
    return () => document.documentElement.classList.remove("chat-open");
  }, [open]);
  useEffect(() => {
    if (!open) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented) closeChat();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [open]);

  if (!open) return null;
  return (
    <aside
      class="chat" aria-label="Tutor" data-phase={status.phase} data-thread={id ?? ""} data-seq={thread?.seq ?? ""}
      data-epoch={thread?.epoch ?? ""} data-sync={thread?.sync ?? ""} data-applied={status.applied}
    >
      <ChatHeader thread={thread} />
      {status.tutor === "extractive" && (
        <p class="kind-note">Passage guide: quotes your lessons. Not an AI model.</p>
      )}
      {view === "threads" ? <ThreadList inPanel /> : <Conversation thread={thread} lessonTitle={lessonTitle} />}
    </aside>
  );
}

function Conversation({ thread, lessonTitle }: { thread: ThreadState | null; lessonTitle: string }) {
  const pending = useStore(chat, (state) => state.pending);
  const { phase, reason, quota, tutor } = useStore(live.status);
  const verified = useStore(session, (state) => state.user?.emailVerified ?? false);
  const online = useOnline();
  const scroller = useStickyScroll(thread, pending.length);
  const empty = !thread?.items.length && pending.length === 0;
  const used = quota?.remaining === 0;
  const disabled = !verified
    ? "Confirm your e-mail to ask"
    : phase === "stopped" || phase === "signed-out"
      ? "Not connected"
      : null;
  return (
    <>
      <div class="talk" ref={scroller} tabIndex={0} role="log" aria-label="Conversation" aria-live="off">
        {thread?.before && (
          <button type="button" class="quiet-button talk-older" onClick={() => void live.older(thread.id).catch(() => undefined)}>Show earlier messages</button>
        )}
        {thread?.missing && <p class="say-note" role="alert">This chat does not exist any more. Start a new one.</p>}
        {thread && thread.sync !== "live" && empty && !thread.missing && <p class="thinking" role="status">Opening the chat…</p>}
        {!thread && empty && <EmptyState lessonTitle={lessonTitle} mayAsk={disabled === null} />}
        <Messages thread={thread} pending={pending} tutor={tutor} />
      </div>
      <p class="sr-only" role="status" aria-live="polite">{announcement(thread)}</p>
      {thread && <TypistsLine thread={thread.id} />}
      {thread && <QuickReplies thread={thread} />}
      {!verified && <UnverifiedNote />}
      {(!online || phase === "waiting") && verified && (
        <p class="strip" role="status">{online ? "The connection was lost. Getting it back; nothing is lost." : "You are offline. The chat goes on when you are back."}</p>
      )}
      {(phase === "stopped" || phase === "signed-out") && <p class="strip strip-bad" role="alert">{reason}</p>}
      {used && verified && !pending.some((message) => message.refused !== null) && <p class="strip" role="status">You have used your {plural(quota?.limit ?? 0, "message")} of the last 24 hours.</p>}
      <Composer thread={thread} disabled={disabled} />
    </>
  );
}

/** Stays at the bottom while the answer grows, unless the reader has scrolled up. */
function useStickyScroll(thread: ThreadState | null, pending: number) {
  const box = useRef<HTMLDivElement>(null);
  const sticky = useRef(true);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => {
      sticky.current = element.scrollHeight - element.scrollTop - element.clientHeight < 60;
    };
    element.addEventListener("scroll", look, { passive: true });
    return () => element.removeEventListener("scroll", look);
  }, []);
  useEffect(() => {
    sticky.current = true;
  }, [thread?.id, pending]);
  useLayoutEffect(() => {
    const element = box.current;
    if (element && sticky.current) element.scrollTop = element.scrollHeight;
  });
  return box;
}

/** Screen readers hear that an answer began and ended, not every word. */
function announcement(thread: ThreadState | null): string {
  if (!thread) return "";
  if (thread.turn) return "The tutor is answering.";
  const last = thread.order[thread.order.length - 1];
  const end = last ? thread.ended[last] : undefined;
  if (!end) return "";
  if (end.status === "done") return "The tutor has answered.";
  return end.status === "cancelled" ? "The answer was stopped." : "The answer could not be finished.";
}

function EmptyState({ lessonTitle, mayAsk }: { lessonTitle: string; mayAsk: boolean }) {
  return (
    <div class="chat-empty">
      <h3>What puzzles you?</h3>
      <p>
        Mark a sentence in <strong>{lessonTitle}</strong> and choose <em>Ask AI</em><span class="only-keys">, or press <kbd>Alt</kbd> + <kbd>A</kbd></span>. You will
        get a question back before you get an answer.
      </p>
      <div class="starters">
        {mayAsk && ["What is the main idea of this lesson?", "Give me an example to think about.", "What should I be able to explain now?"].map((text) => (
          <button key={text} type="button" class="chip" onClick={() => ask(text)}>{text}</button>
        ))}
      </div>
    </div>
  );
}

function UnverifiedNote() {
  const email = useStore(session, (state) => state.user?.email ?? "");
  return (
    <div class="strip" data-state="unverified">
      <p>Confirm your e-mail ({email}) to talk to the tutor.</p>
      <ResendButton email={email} />
    </div>
  );
}
