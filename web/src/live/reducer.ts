import type { Ending, Failure, Item, LogEvent, LogEventOf, Resumed, Snapshot } from "./frames";
import { itemText } from "./frames";
import { type Cited, itemsBefore, mergeOlder, putItem, sourcesOf, withoutItem } from "./items";
import type { Verdict } from "./verify";

/** A piece of the running answer, with the seqs it covers, so that `drop_from` can take it back. */
interface Chunk {
  first: number;
  seq: number;
  text: string;
}

/** An answer that waits or is being written. */
export interface Turn {
  id: string;
  attempt: number;
  status: "queued" | "running";
  hint: number | null;
  chunks: Chunk[];
  text: string;
  sources: Cited[];
  /** The answer went on after its node died, or after this page was reloaded. */
  resumed: boolean;
}

/** An answer that ended, waiting for its check or past it. */
export interface Ended {
  turn: string;
  status: Ending;
  item: string | null;
  length: number;
  sha256: string;
  /** What this client put together itself, the text the proof is over. */
  text: string;
  verified: Verdict | "pending";
  hint: number | null;
  sources: Cited[];
  error: Failure | null;
}

/**
 * What this client knows of one thread. `sync` says how far it may be trusted:
 * `waiting` for a resume or snapshot, `live`, or `gap` when an event did not continue it.
 */
export interface ThreadState {
  id: string;
  epoch: string | null;
  seq: number | null;
  sync: "waiting" | "live" | "gap";
  items: Item[];
  turn: Turn | null;
  ended: Record<string, Ended>;
  order: string[];
  before: string | null;
  title: string | null;
  hint: number | null;
  missing: boolean;
}

export type ThreadInput =
  | LogEvent
  | Resumed
  | Snapshot
  | { type: "local.verified"; turn: string; verified: Verdict }
  | { type: "local.history"; items: Item[]; before: string | null }
  | { type: "local.started"; epoch: string | null; seq: number }
  | { type: "local.title"; title: string | null }
  | { type: "local.missing" }
  | { type: "local.detached" };

export function emptyThread(id: string): ThreadState {
  return {
    id, epoch: null, seq: null, sync: "waiting", items: [], turn: null, ended: {}, order: [], before: null, title: null,
    hint: null, missing: false,
  };
}

/** Pure: the same inputs in the same order give the same state; a repeat gives the state itself. */
export function apply(state: ThreadState, input: ThreadInput): ThreadState {
  switch (input.type) {
    case "resumed":
      return resumed(state, input);
    case "snapshot":
      return snapshot(state, input);
    case "local.verified":
      return verified(state, input.turn, input.verified);
    case "local.history":
      return { ...state, items: mergeOlder(input.items, state.items), before: input.before };
    case "local.started":
      return state.seq === null ? { ...state, epoch: input.epoch, seq: input.seq, sync: "live" } : state;
    case "local.title":
      return { ...state, title: input.title };
    case "local.missing":
      return { ...state, missing: true };
    case "local.detached":
      // The socket is gone: nothing more is applied until the server says where it goes on.
      return { ...state, sync: "waiting" };
    default:
      return logEvent(state, input);
  }
}

function resumed(state: ThreadState, frame: Resumed): ThreadState {
  if (frame.mode === "current" || frame.mode === "replay") {
    const continues = state.seq !== null && (frame.first === undefined || frame.first === state.seq + 1);
    return { ...state, epoch: frame.epoch, sync: continues ? "live" : "gap" };
  }
  // A snapshot follows and replaces everything; what came before it does not count.
  return { ...state, sync: "waiting" };
}

function snapshot(state: ThreadState, frame: Snapshot): ThreadState {
  const ended: Record<string, Ended> = {};
  for (const end of frame.ended) ended[end.turn] = endedIn(frame, end, state.ended[end.turn]);
  const turn: Turn | null = frame.turn
    ? {
        id: frame.turn.id, attempt: frame.turn.attempt, status: frame.turn.status === "queued" ? "queued" : "running",
        hint: frame.turn.hint_level ?? null, chunks: frame.turn.text ? [{ first: 0, seq: frame.seq, text: frame.turn.text }] : [],
        text: frame.turn.text, sources: frame.turn.sources ?? state.turn?.sources ?? [], resumed: true,
      }
    : null;
  return {
    ...state, epoch: frame.epoch, seq: frame.seq, sync: "live", items: frame.items, turn, ended, order: frame.ended.map((end) => end.turn),
    before: frame.before ?? null, title: frame.title || state.title, hint: turn?.hint ?? state.hint, missing: false,
  };
}

type SnapshotEnd = Snapshot["ended"][number];

/** A turn that a snapshot counts as ended; proven anew unless that very text was proven before. */
function endedIn(frame: Snapshot, end: SnapshotEnd, known: Ended | undefined): Ended {
  const item = frame.items.find((candidate) => candidate.id === end.item);
  const base = {
    turn: end.turn, status: end.status as Ending, item: end.item ?? null, length: end.length, sha256: end.sha256,
    hint: known?.hint ?? null, sources: known?.sources ?? sourcesOf(item), error: known?.error ?? null,
  };
  // Its item has left the conversation (regenerated, or its question edited): nothing to prove here.
  if (!item && end.length > 0) return { ...base, text: known?.text ?? "", verified: known?.verified ?? "unknown" };
  const text = itemText(item);
  const proven = known?.verified === "true" && known.sha256 === end.sha256 && known.text === text;
  return { ...base, text, verified: proven ? "true" : "pending" };
}

function verified(state: ThreadState, turn: string, verdict: Verdict): ThreadState {
  const end = state.ended[turn];
  if (!end) return state;
  return { ...state, ended: { ...state.ended, [turn]: { ...end, verified: verdict } } };
}

/** Applied only if it continues what is there; a repeat is dropped, a hole asks for a snapshot. */
function logEvent(state: ThreadState, event: LogEvent): ThreadState {
  if (state.sync !== "live" || state.seq === null) return state;
  if (event.epoch !== undefined && state.epoch !== null && event.epoch !== state.epoch) return { ...state, sync: "gap" };
  if (event.seq <= state.seq) return state;
  const first = event.type === "delta" ? (event.first ?? event.seq) : event.seq;
  if (first !== state.seq + 1) return { ...state, sync: "gap" };
  const next = { ...state, seq: event.seq, epoch: event.epoch ?? state.epoch };
  switch (event.type) {
    case "message":
      return message(next, event);
    case "turn":
      return turnEvent(next, event);
    case "citations":
      return citations(next, event);
    case "delta":
      return delta(next, event, first);
    case "end":
      return end(next, event);
    default:
      return next;
  }
}

/** A question, perhaps another wording of one: that one and all behind it leave the list. */
function message(state: ThreadState, event: LogEventOf<"message">): ThreadState {
  const left = event.replaces === undefined ? state.items : itemsBefore(state.items, event.replaces);
  return { ...state, items: putItem(left, event.item) };
}

function turnEvent(state: ThreadState, event: LogEventOf<"turn">): ThreadState {
  const old = state.turn?.id === event.turn ? state.turn : null;
  const hint = event.hint_level ?? old?.hint ?? null;
  let chunks = old?.chunks ?? [];
  if (event.status === "restarted") {
    const from = event.drop_from ?? 0;
    if (chunks.some((chunk) => chunk.first > 0 && chunk.first < from && chunk.seq >= from)) return { ...state, sync: "gap" };
    // A snapshot's text (first 0) has lost its seqs; a restart takes earlier attempts back whole.
    chunks = chunks.filter((chunk) => chunk.first > 0 && chunk.seq < from);
  }
  const status = event.status === "queued" ? "queued" : "running";
  // Another answer to the same question: the one that stood leaves.
  const items = event.replaces === undefined ? state.items : withoutItem(state.items, event.replaces);
  const resumedTurn = (old?.resumed ?? false) || event.attempt > 1;
  const turn: Turn = {
    id: event.turn, attempt: event.attempt, status, hint, chunks, text: joined(chunks), sources: old?.sources ?? [],
    resumed: resumedTurn,
  };
  return { ...state, items, turn, hint: hint ?? state.hint };
}

function citations(state: ThreadState, event: LogEventOf<"citations">): ThreadState {
  if (state.turn?.id === event.turn) return { ...state, turn: { ...state.turn, sources: event.sources } };
  const done = state.ended[event.turn];
  if (!done) return state;
  return { ...state, ended: { ...state.ended, [event.turn]: { ...done, sources: event.sources } } };
}

function delta(state: ThreadState, event: LogEventOf<"delta">, first: number): ThreadState {
  const old = state.turn?.id === event.turn ? state.turn : null;
  const turn: Turn = old ?? {
    id: event.turn, attempt: event.attempt, status: "running", hint: state.hint, chunks: [], text: "", sources: [],
    resumed: false,
  };
  const chunks = [...turn.chunks, { first, seq: event.seq, text: event.text }];
  return { ...state, turn: { ...turn, status: "running", chunks, text: turn.text + event.text } };
}

function end(state: ThreadState, event: LogEventOf<"end">): ThreadState {
  const turn = state.turn?.id === event.turn ? state.turn : null;
  const record: Ended = {
    turn: event.turn, status: event.status, item: event.item?.id ?? null, length: event.length, sha256: event.sha256,
    text: turn?.text ?? "", verified: "pending", hint: turn?.hint ?? null,
    sources: turn && turn.sources.length > 0 ? turn.sources : sourcesOf(event.item), error: event.error ?? null,
  };
  const items = event.item ? putItem(state.items, event.item) : state.items;
  return {
    ...state, items, turn: turn ? null : state.turn, ended: { ...state.ended, [event.turn]: record },
    order: [...state.order.filter((id) => id !== event.turn), event.turn], hint: record.hint ?? state.hint,
  };
}

function joined(chunks: Chunk[]): string {
  return chunks.map((chunk) => chunk.text).join("");
}

/** The ended turn that an item closes, if this client knows it. */
export function endOf(state: ThreadState, item: string): Ended | null {
  return Object.values(state.ended).find((end) => end.item === item) ?? null;
}
