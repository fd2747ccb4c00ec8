import { memo } from "./memo";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { highlightIn } from "../lib/highlight";
import { type Piece, renderMarkdown } from "../lib/markdown";
import type { Cited } from "../live/items";

const PieceView = memo(function PieceView({ html }: { html: string }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current) void highlightIn(box.current);
  }, [html]);
  return <div class="md-piece" ref={box} dangerouslySetInnerHTML={{ __html: html }} />;
});

/** Markdown that may still be growing: only its last block is rendered again. */
export function MarkdownView({ text, sources }: { text: string; sources: readonly Cited[] }) {
  const before = useRef<{ sources: readonly Cited[]; pieces: Piece[] }>({ sources, pieces: [] });
  const pieces = useMemo(() => {
    const known = before.current.sources === sources ? before.current.pieces : [];
    const next = renderMarkdown(text, sources, known);
    before.current = { sources, pieces: next };
    return next;
  }, [text, sources]);
  return (
    <div class="md">
      {pieces.map((piece, index) => (
        <PieceView key={index} html={piece.html} />
      ))}
    </div>
  );
}
