import type { Item, Source } from "./frames";

/** A passage that an answer points to. */
export type Cited = Pick<Source, "id" | "title">;

/** The newest stands last; a known id is written over in its place. */
export function putItem(items: Item[], item: Item): Item[] {
  const at = items.findIndex((candidate) => candidate.id === item.id);
  return at < 0 ? [...items, item] : items.map((candidate, index) => (index === at ? item : candidate));
}

export function withoutItem(items: Item[], id: string): Item[] {
  return items.some((item) => item.id === id) ? items.filter((item) => item.id !== id) : items;
}

/**
 * What is left when a question was edited: the items before it. One that is not among them is
 * older than all that was loaded, so none of them is left.
 */
export function itemsBefore(items: Item[], id: string): Item[] {
  return items.slice(0, Math.max(0, items.findIndex((item) => item.id === id)));
}

export function mergeOlder(older: Item[], newer: Item[]): Item[] {
  const known = new Set(newer.map((item) => item.id));
  return [...older.filter((item) => !known.has(item.id)), ...newer];
}

/** The sources that an answer carries itself: its annotations, each once. */
export function sourcesOf(item: Item | null | undefined): Cited[] {
  const found: Cited[] = [];
  if (item?.type !== "assistant_message") return found;
  for (const part of item.content) {
    for (const { source } of part.annotations) {
      if (!found.some((known) => known.id === source.id)) found.push({ id: source.id, title: source.title });
    }
  }
  return found;
}
