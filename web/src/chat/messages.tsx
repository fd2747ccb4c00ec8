import { useMemo, useState } from "preact/hooks";
import { CheckIcon, CopyIcon } from "../components/icons";
import { clockTime } from "../lib/format";
import { live } from "../lib/live";
import { type Item, itemText } from "../live/frames";
import type { Ended, ThreadState, Turn } from "../live/reducer";
import { type Cited, sourcesOf } from "../live/items";
import { endOf } from "../live/reducer";
import { followCitation, isCited, onCiteClick } from "./citations";
import { bareEnd, retryLast, sendAgain, takeBack } from "./controller";
import { MarkdownView } from "./markdown-view";
import { memo } from "./memo";
import type { Pending } from "./state";

export function Messages({ thread, pending, tutor }: { thread: ThreadState | null; pending: Pending[]; tutor: string | null }) {
  const bare = thread ? bareEnd(thread) : null;
  return (
    <>
      {thread?.items.map((item) =>
        item.type === "assistant_message" ? (
          <Answer key={item.id} item={item} end={endOf(thread, item.id)} />
        ) : item.type === "user_message" ? (
          <Question key={item.id} text={itemText(item)} quote={item.quoted_text ?? null} />
        ) : null,
      )}
      {thread && bare && <EndNote end={bare} />}
      {pending.map((message) => <PendingMessage key={message.messageId} message={message} />)}
      {thread?.turn && <Running turn={thread.turn} tutor={tutor} />}
      {!thread?.turn && pending.some((message) => message.refused === null) && <Thinking label="Sending…" />}
    </>
  );
}

function Question({ text, quote, faded = false }: { text: string; quote: string | null; faded?: boolean }) {
  return (
    <article class={faded ? "say say-you say-faded" : "say say-you"} aria-label="You">
      {quote && <blockquote class="say-quote">{quote}</blockquote>}
      <p class="say-text">{text}</p>
    </article>
  );
}

function PendingMessage({ message }: { message: Pending }) {
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

function refusal(code: string, message: string): string {
  if (code === "email_unverified") return "Confirm your e-mail first: the tutor answers once the address is confirmed.";
  if (code === "busy_turn") return "The tutor is still answering in this chat. Wait for it, or stop it.";
  if (code === "quota_exceeded") {
    // In the reader's own time, which the server cannot know.
    const quota = live.status.value.quota;
    const free = clockTime(quota?.resets_at);
    return `You have used your ${quota?.limit ?? ""} messages of the last 24 hours.${free && ` The next one is free at ${free}.`}`;
  }
  if (code === "offline" || code === "closed") return `Not sent. ${message}`;
  return message;
}

const Answer = memo(function Answer({ item, end }: { item: Item; end: Ended | null }) {
  const text = itemText(item);
  const sources = useMemo(() => (end && end.sources.length > 0 ? end.sources : sourcesOf(item)), [end?.sources, item]);
  return (
    <article
      class="say say-tutor" aria-label="Tutor" data-item={item.id} data-turn={end?.turn} data-status={end?.status ?? "done"}
      data-verified={end?.verified ?? "unknown"} data-length={end?.length} data-sha256={end?.sha256}
    >
      <div onClick={onCiteClick}><MarkdownView text={text} sources={sources} /></div>
      <Sources sources={sources} text={text} />
      <footer class="say-foot">
        <CopyButton text={text} />
        {end?.status === "cancelled" && <span class="tag">Stopped</span>}
        {end?.status === "refused" && <span class="tag">Not answered</span>}
        {end?.verified === "false" && <span class="tag tag-bad">This text did not arrive whole</span>}
      </footer>
      {end?.status === "failed" && <EndNote end={end} />}
    </article>
  );
});

function EndNote({ end }: { end: Ended }) {
  if (end.status === "cancelled") {
    return <p class="say-note" data-turn={end.turn} data-status="cancelled" data-verified={end.verified}>Stopped before the first word.</p>;
  }
  return (
    <div class="say-note" role="alert" data-turn={end.turn} data-status={end.status} data-verified={end.verified}>
      <p>{end.error?.message ?? "The answer could not be finished."} {end.status === "failed" && "This message does not count."}</p>
      <button type="button" class="button button-small" onClick={() => retryLast()}>Try again</button>
    </div>
  );
}

function Running({ turn, tutor }: { turn: Turn; tutor: string | null }) {
  if (turn.text === "") {
    const guide = tutor === "extractive" ? "Looking through your lessons…" : "Thinking…";
    return <Thinking label={turn.status === "queued" ? "Waiting for an earlier answer…" : guide} turn={turn.id} />;
  }
  return (
    <article class="say say-tutor say-running" aria-label="Tutor" aria-busy="true" data-turn={turn.id} data-status="running" data-attempt={turn.attempt}>
      {turn.resumed && <p class="resumed-note">Resumed where it was</p>}
      <div onClick={onCiteClick}><MarkdownView text={turn.text} sources={turn.sources} /></div>
    </article>
  );
}

function Thinking({ label, turn }: { label: string; turn?: string }) {
  return (
    <p class="thinking" role="status" data-turn={turn} data-status="waiting">
      <span class="dots" aria-hidden="true"><i /><i /><i /></span> {label}
    </p>
  );
}

/** The sources that the text points to; the first few of those it drew on, if it points to none. */
function Sources({ sources, text }: { sources: readonly Cited[]; text: string }) {
  if (sources.length === 0) return null;
  const numbered = sources.map((source, index) => ({ source, index }));
  const cited = numbered.filter(({ source, index }) => isCited(text, source, index));
  return (
    <ol class="sources" aria-label="Where this is from">
      {(cited.length > 0 ? cited : numbered.slice(0, 3)).map(({ source, index }) => (
        <li key={source.id}>
          <button type="button" class="source" onClick={() => followCitation(source.id)}>
            <span class="cite" aria-hidden="true">{index + 1}</span>
            <span class="sr-only">Source {index + 1}: </span>
            {source.title}
          </button>
        </li>
      ))}
    </ol>
  );
}

function CopyButton({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      window.setTimeout(() => setCopied(false), 1_500);
    } catch {
      // Not allowed here: the text can still be selected.
    }
  };
  return (
    <button type="button" class="quiet-button" onClick={() => void copy()}>
      {copied ? <CheckIcon /> : <CopyIcon />} {copied ? "Copied" : "Copy"}
    </button>
  );
}
