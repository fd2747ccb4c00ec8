import { useEffect, useMemo, useRef } from "preact/hooks";
import { openChat } from "../chat/controller";
import { memo } from "../chat/memo";
import type { Block } from "../lib/api";
import { highlightIn } from "../lib/highlight";
import { sanitise } from "../lib/markdown";
import { AskIcon } from "./icons";

/** One anchored block of a lesson, with its own way to ask about it. */
export const BlockView = memo(function BlockView({ block }: { block: Block }) {
  const body = useRef<HTMLDivElement>(null);
  // The server made it safe already; a second look costs little and trusts nobody.
  const html = useMemo(() => sanitise(block.html), [block.html]);
  useEffect(() => {
    if (body.current) void highlightIn(body.current);
  }, [html]);
  const ask = () => openChat(body.current?.textContent ?? null, block.id);
  return (
    <section id={block.id} class={`block block-${block.kind}`} tabIndex={-1}>
      <div class="block-body prose" ref={body} dangerouslySetInnerHTML={{ __html: html }} />
      <button type="button" class="block-ask" onClick={ask} aria-label={`Ask about this ${block.kind}`} title="Ask AI about this (Alt+A)">
        <AskIcon />
      </button>
    </section>
  );
});
