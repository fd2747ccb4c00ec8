import { useEffect, useRef, useState } from "preact/hooks";
import { CloseIcon, ListIcon, PencilIcon, PlusIcon } from "../components/icons";
import { asRefused } from "../components/ui";
import { clockTime } from "../lib/format";
import { live } from "../lib/live";
import type { Phase } from "../live/status";
import type { ThreadState } from "../live/reducer";
import { useStore } from "../lib/use-store";
import { closeChat, newThread, rename } from "./controller";
import { chat } from "./state";

export function ChatHeader({ thread }: { thread: ThreadState | null }) {
  const view = useStore(chat, (state) => state.view);
  return (
    <header class="chat-head">
      <div class="chat-title-row">
        {view === "threads" ? <h2 class="chat-title">Chats</h2> : <Title thread={thread} />}
        <button
          type="button" class="icon-button" aria-pressed={view === "threads"} aria-label="All chats" title="All chats"
          onClick={() => chat.patch({ view: view === "threads" ? "chat" : "threads" })}
        >
          <ListIcon />
        </button>
        <button type="button" class="icon-button" aria-label="New chat" title="New chat" onClick={newThread}><PlusIcon /></button>
        <button type="button" class="icon-button" aria-label="Close the chat" title="Close (Esc)" onClick={closeChat}><CloseIcon /></button>
      </div>
      <div class="chat-facts">
        <Connection />
        <HintBadge level={thread?.turn?.hint ?? thread?.hint ?? null} />
        <Remaining />
      </div>
    </header>
  );
}

function Title({ thread }: { thread: ThreadState | null }) {
  const [editing, setEditing] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const done = useRef(false);
  useEffect(() => {
    if (editing) input.current?.select();
  }, [editing]);
  const title = thread?.title ?? (thread ? "Untitled chat" : "New chat");
  if (!thread) return <h2 class="chat-title">{title}</h2>;
  if (!editing) {
    return (
      <h2 class="chat-title">
        <button type="button" class="title-button" onClick={() => { done.current = false; setEditing(true); }} aria-label={`Rename the chat: ${title}`} title="Rename">
          <span class="title-text">{title}</span> <PencilIcon />
        </button>
        {failed && <span class="said" role="alert">{failed}</span>}
      </h2>
    );
  }
  const finish = (keep: boolean) => {
    if (done.current) return;
    done.current = true;
    setEditing(false);
    setFailed(null);
    const wanted = input.current?.value.trim() ?? "";
    if (keep && wanted !== "" && wanted !== title) rename(thread.id, wanted).catch((error: unknown) => setFailed(asRefused(error).message));
  };
  return (
    <form class="title-form" onSubmit={(event) => { event.preventDefault(); finish(true); }}>
      <input
        ref={input} name="title" aria-label="Title of the chat" maxLength={120} defaultValue={title} onBlur={() => finish(true)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          finish(false);
        }}
      />
    </form>
  );
}

const PHASES: Record<Phase, [string, string]> = {
  idle: ["off", "Not connected"],
  connecting: ["wait", "Connecting…"],
  online: ["on", "Connected"],
  waiting: ["wait", "Reconnecting…"],
  stopped: ["off", "Disconnected"],
  "signed-out": ["off", "Signed out"],
};

export function useOnline(): boolean {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = () => setOnline(navigator.onLine);
    window.addEventListener("online", look);
    window.addEventListener("offline", look);
    return () => {
      window.removeEventListener("online", look);
      window.removeEventListener("offline", look);
    };
  }, []);
  return online;
}

function Connection() {
  const phase = useStore(live.status, (status) => status.phase);
  const windows = useStore(live.status, (status) => status.windows);
  const online = useOnline();
  const [kind, word] = online || phase === "online" ? PHASES[phase] : (["off", "Offline"] as const);
  return (
    <span class="connection" role="status" title={kind === "on" && windows > 1 ? `${word}, in ${windows} windows` : word} data-windows={windows}>
      <span class={`dot dot-${kind}`} aria-hidden="true" />
      <span class={kind === "on" ? "sr-only" : ""}>{word}</span>
    </span>
  );
}

const LEVELS = ["finding out", "a pointer", "narrowed down", "a worked likeness", "explained"];

function HintBadge({ level }: { level: number | null }) {
  if (level === null) return null;
  return (
    <span class="hint" title={`Hint level ${level} of 4: ${LEVELS[level] ?? ""}`} data-hint={level}>
      <span class="hint-bars" aria-hidden="true">
        {[0, 1, 2, 3, 4].map((bar) => <i key={bar} class={bar <= level ? "lit" : ""} />)}
      </span>
      Hint {level}<span class="sr-only"> of 4</span>
    </span>
  );
}

function Remaining() {
  const quota = useStore(live.status, (status) => status.quota);
  if (!quota || quota.limit === null || quota.remaining === null) return null;
  const when = clockTime(quota.resets_at);
  return (
    <span class={quota.remaining === 0 ? "remaining none" : "remaining"} title={when ? `The next one is free again at ${when}` : undefined} data-remaining={quota.remaining}>
      {quota.remaining} of {quota.limit} left{when && ` · resets ${when}`}
    </span>
  );
}
