import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { MarkdownView } from "../../chat/markdown-view";
import { live } from "../../lib/live";
import { type EntryRow, itemText } from "../../live/frames";
import { sourcesOf } from "../../live/items";
import { WithRows } from "./feed";

/** A conversation as it goes on, for as long as this is shown. */
export function Transcript({ thread }: { thread: string }) {
  useEffect(() => live.watch(`thread:${thread}`), [thread]);
  return (
    <WithRows feed={`thread:${thread}`} what="conversation">
      {(rows) => (rows.length === 0 ? <p class="muted">Nothing was said yet.</p> : <Entries rows={rows} />)}
    </WithRows>
  );
}

function Entries({ rows }: { rows: EntryRow[] }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  });
  return (
    <div class="transcript" ref={box} tabIndex={0} role="log" aria-label="Conversation" aria-live="off">
      {rows.map((row) => {
        if (row.type === "user_message") return <p key={row.id} class="say say-you say-text">{itemText(row)}</p>;
        const running = row.type === "running_turn";
        return (
          <div key={row.id} class={running ? "say say-tutor say-running" : "say say-tutor"} data-entry={row.type}>
            <MarkdownView text={running ? row.text : itemText(row)} sources={running ? NONE : sourcesOf(row)} />
          </div>
        );
      })}
    </div>
  );
}

const NONE: [] = [];
