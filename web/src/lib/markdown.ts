import DOMPurify from "dompurify";
import { Marked, type Token, type Tokens } from "marked";
import type { Cited } from "../live/items";

const marked = new Marked({ gfm: true, breaks: false });

/** Whitelists, not blacklists: what an answer or a lesson may hold, and nothing that runs or loads. */
const TAGS = [
  "p", "br", "hr", "em", "strong", "del", "s", "code", "pre", "kbd", "sub", "sup", "blockquote", "ul", "ol", "li",
  "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "a", "span", "button", "dl", "dt", "dd",
];
const ATTRIBUTES = ["href", "title", "class", "start", "align", "data-cite", "type", "aria-label", "colspan", "rowspan", "scope"];

/** Only links that open a page or a mail: no script, data, blob or file addresses. */
export function safeLink(href: string): string | null {
  const trimmed = href.trim();
  if (trimmed.startsWith("#")) return trimmed;
  // A second slash or backslash, plain or escaped, would name another host.
  if (trimmed.startsWith("/")) return /^\/(\/|\\|%2f|%5c)/i.test(trimmed) ? null : trimmed;
  try {
    const url = new URL(trimmed);
    return ["https:", "http:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

export function sanitise(html: string): string {
  const body = DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM: true,
  }) as HTMLElement;
  for (const link of body.querySelectorAll("a")) {
    const href = safeLink(link.getAttribute("href") ?? "");
    if (href === null) {
      link.replaceWith(...link.childNodes);
      continue;
    }
    link.setAttribute("href", href);
    if (!href.startsWith("#") && !href.startsWith("/")) {
      link.setAttribute("target", "_blank");
      link.setAttribute("rel", "noopener noreferrer nofollow");
    }
  }
  // A wide table or code block scrolls by itself: it must be reachable by keyboard.
  for (const box of body.querySelectorAll("pre")) box.setAttribute("tabindex", "0");
  for (const table of body.querySelectorAll("table")) {
    const box = document.createElement("div");
    box.className = "table-scroll";
    box.setAttribute("tabindex", "0");
    table.replaceWith(box);
    box.append(table);
  }
  return body.innerHTML;
}

/** `[2]`, `[lesson#block]` → a button that leads to the source; anything unknown stays text. */
const MARKER = /\[(?:(\d{1,2})|([A-Za-z0-9._/-]+#[A-Za-z0-9._-]+))\]/g;

export function citeMarkers(html: string, sources: readonly Cited[]): string {
  return html
    .split(/(<pre[\s\S]*?<\/pre>|<code[\s\S]*?<\/code>|<[^>]*>)/)
    .map((piece) => (piece.startsWith("<") ? piece : piece.replace(MARKER, (whole, number, id) => marker(whole, number, id, sources))))
    .join("");
}

function marker(whole: string, number: string | undefined, id: string | undefined, sources: readonly Cited[]): string {
  const index = number ? Number(number) - 1 : sources.findIndex((source) => source.id === id);
  const source = sources[index];
  if (!source) return whole;
  const label = escape(`Source ${index + 1}: ${source.title}`);
  return `<button type="button" class="cite" data-cite="${escape(source.id)}" aria-label="${label}" title="${escape(source.title)}">${index + 1}</button>`;
}

function escape(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

export interface Piece {
  /** The Markdown it came from: a piece whose source is unchanged is not rendered again. */
  raw: string;
  html: string;
}

function render(token: Token, links: Tokens.Generic): string {
  const list = Object.assign([token], { links }) as Parameters<typeof marked.parser>[0];
  return marked.parser(list) as string;
}

/** Top-level blocks, so that a growing answer renders only its last one again. */
export function renderMarkdown(text: string, sources: readonly Cited[], previous: readonly Piece[] = []): Piece[] {
  const tokens = marked.lexer(text);
  const links = tokens.links as unknown as Tokens.Generic;
  const pieces: Piece[] = [];
  for (const token of tokens) {
    if (token.type === "space" || token.type === "def") continue;
    const known = previous[pieces.length];
    if (known && known.raw === token.raw) pieces.push(known);
    else pieces.push({ raw: token.raw, html: sanitise(citeMarkers(render(token, links), sources)) });
  }
  return pieces;
}
