import type { FeedName, FeedRow, FeedRows, Filter, FrameOf } from "./frames";
import { rowId } from "./frames";
import { Store } from "./store";

/** A watched feed. `rows` is null until its first snapshot; after a lost connection the old rows stand. */
export interface FeedState<R> {
  filter: Filter | undefined;
  rows: ReadonlyMap<string, R> | null;
  /** Why the server does not show it. */
  refused: string | null;
}

export type FeedStates = { readonly [F in FeedName]?: FeedState<FeedRows[F]> };

/** The feeds that staff watch: what is wanted, and the rows as they stand now, by id. */
export class Feeds {
  readonly all = new Store<FeedStates>({});

  names(): FeedName[] {
    return Object.keys(this.all.value) as FeedName[];
  }

  /** False if it is watched already with the same filter. */
  want(feed: FeedName, filter: Filter | undefined): boolean {
    const known = this.all.value[feed];
    if (known && known.refused === null && JSON.stringify(known.filter) === JSON.stringify(filter)) return false;
    this.#put(feed, { filter, rows: known?.rows ?? null, refused: null });
    return true;
  }

  /** False if it was not watched. */
  leave(feed: FeedName): boolean {
    if (!this.all.value[feed]) return false;
    const rest = { ...this.all.value } as Record<string, unknown>;
    delete rest[feed];
    this.all.set(rest as FeedStates);
    return true;
  }

  clear(): void {
    this.all.set({});
  }

  refused(feed: FeedName, why: string): void {
    const known = this.all.value[feed];
    if (known) this.#put(feed, { ...known, refused: why });
  }

  snapshot(frame: FrameOf<"feed.snapshot">): void {
    this.#change(frame.feed, new Map(frame.rows.map((row) => [rowId(row), row])));
  }

  diff(frame: FrameOf<"feed.diff">): void {
    const known: FeedState<FeedRow> | undefined = this.all.value[frame.feed as FeedName];
    const rows = new Map(known?.rows);
    for (const row of [...frame.add, ...frame.update]) rows.set(rowId(row), row);
    for (const id of frame.remove) rows.delete(id);
    this.#change(frame.feed, rows);
  }

  /** Frames of a feed that was left meanwhile are dropped. */
  #change(feed: string, rows: Map<string, FeedRow>): void {
    const known = this.all.value[feed as FeedName];
    if (known) this.#put(feed as FeedName, { ...known, rows, refused: null });
  }

  #put(feed: FeedName, state: FeedState<FeedRow>): void {
    this.all.set({ ...this.all.value, [feed]: state } as FeedStates);
  }
}
