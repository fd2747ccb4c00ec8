import { useEffect, useState } from "preact/hooks";
import { openChat } from "../chat/controller";
import { AskIcon } from "./icons";

export interface Selected {
  text: string;
  block: string | null;
  box: DOMRect;
}

/** The text marked in the lesson, with the block it begins in; null for anything else. */
export function selectedQuote(): Selected | null {
  const selection = window.getSelection();
  if (!selection || selection.isCollapsed || selection.rangeCount === 0) return null;
  const range = selection.getRangeAt(0);
  const from = range.startContainer instanceof Element ? range.startContainer : range.startContainer.parentElement;
  const lesson = from?.closest(".lesson-body");
  const text = selection.toString().replace(/\s+\n/g, "\n").trim();
  if (!lesson || text === "") return null;
  return { text, block: from?.closest(".block")?.id ?? null, box: range.getBoundingClientRect() };
}

/** Floats over the end of a selection. */
export function SelectionChip() {
  const [selected, setSelected] = useState<Selected | null>(null);
  useEffect(() => {
    let frame = 0;
    const look = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => setSelected(selectedQuote()));
    };
    document.addEventListener("selectionchange", look);
    window.addEventListener("scroll", look, { passive: true });
    window.addEventListener("resize", look);
    return () => {
      cancelAnimationFrame(frame);
      document.removeEventListener("selectionchange", look);
      window.removeEventListener("scroll", look);
      window.removeEventListener("resize", look);
    };
  }, []);
  if (!selected) return null;
  const { box } = selected;
  const above = box.top > 130;
  const ask = () => {
    openChat(selected.text, selected.block);
    window.getSelection()?.removeAllRanges();
    setSelected(null);
  };
  return (
    <button
      type="button" class="ask-chip"
      style={{ left: `${Math.min(Math.max(box.left + box.width / 2, 70), window.innerWidth - 70)}px`, top: `${above ? box.top - 46 : box.bottom + 10}px` }}
      onMouseDown={(event) => event.preventDefault()} onClick={ask}
    >
      <AskIcon /> Ask AI <kbd>Alt A</kbd>
    </button>
  );
}
