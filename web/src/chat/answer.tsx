import { useMemo, useState } from "preact/hooks";
import { CheckIcon, CopyIcon, RetryIcon } from "../components/icons";
import { type Item, itemText } from "../live/frames";
import { type Cited, sourcesOf } from "../live/items";
import type { Ended, Turn } from "../live/reducer";
import { anotherAnswer } from "./again";
import { followCitation, isCited, onCiteClick } from "./citations";
import { MarkdownView } from "./markdown-view";
import { memo } from "./memo";
import { Opinions } from "./opinions";

/** `newest`: the last answer of a thread in which nothing is under way; it may be written again. */
export const Answer = memo(function Answer({ item, end, newest }: { item: Item; end: Ended | null; newest: boolean }) {
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
        {newest && end?.status !== "failed" && (
          <button type="button" class="quiet-button" onClick={anotherAnswer} title="Another answer in place of this one"><RetryIcon /> Answer again</button>
        )}
        <Opinions item={item.id} />
        {end?.status === "cancelled" && <span class="tag">Stopped</span>}
        {end?.status === "refused" && <span class="tag">Not answered</span>}
        {end?.verified === "false" && <span class="tag tag-bad">This text did not arrive whole</span>}
      </footer>
      {end?.status === "failed" && <EndNote end={end} mayRetry={newest} />}
    </article>
  );
});

export function EndNote({ end, mayRetry }: { end: Ended; mayRetry: boolean }) {
  const retry = mayRetry && <button type="button" class="button button-small" onClick={anotherAnswer}>Try again</button>;
  if (end.status === "cancelled") {
    return (
      <div class="say-note" data-turn={end.turn} data-status="cancelled" data-verified={end.verified}>
        <p>Stopped before the first word.</p>
        {retry}
      </div>
    );
  }
  return (
    <div class="say-note" role="alert" data-turn={end.turn} data-status={end.status} data-verified={end.verified}>
      <p>{end.error?.message ?? "The answer could not be finished."} {end.status === "failed" && "This message does not count."}</p>
      {retry}
    </div>
  );
}

export function Running({ turn, tutor }: { turn: Turn; tutor: string | null }) {
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

export function Thinking({ label, turn }: { label: string; turn?: string }) {
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
