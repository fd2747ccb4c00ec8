import type { Cited } from "../live/items";
import { go } from "../router";
import { chat, keptKey } from "./state";
import { remember } from "../lib/session-memory";

/** `<lesson>#<block>`: the block here, or the lesson it stands in. */
export function followCitation(id: string): void {
  const [lesson, block = ""] = id.split("#");
  const { course, lesson: here, thread, pending } = chat.value;
  if (!lesson || lesson === here) {
    markBlock(block);
    if (window.matchMedia("(max-width: 640px)").matches) chat.patch({ open: false });
    return;
  }
  // The conversation comes along to the other lesson; on a phone the passage is shown first.
  const open = !window.matchMedia("(max-width: 640px)").matches;
  remember(keptKey(course, lesson), { open, thread, pending });
  go(`/learn/${encodeURIComponent(course)}/${encodeURIComponent(lesson)}#${encodeURIComponent(block)}`);
}

/** Scrolls to a block and marks it, until another one is marked. */
export function markBlock(block: string): boolean {
  for (const old of document.querySelectorAll(".block.marked")) old.classList.remove("marked");
  const target = block === "" ? null : document.getElementById(block);
  if (!target) return false;
  target.classList.add("marked");
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  target.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
  target.focus({ preventScroll: true });
  return true;
}

/** Clicks on the numbers inside an answer, which are plain HTML. */
export function onCiteClick(event: MouseEvent): void {
  const button = (event.target as Element).closest<HTMLElement>("[data-cite]");
  if (button?.dataset["cite"]) followCitation(button.dataset["cite"]);
}

export function isCited(text: string, source: Cited, index: number): boolean {
  return text.includes(`[${index + 1}]`) || text.includes(`[${source.id}]`);
}
