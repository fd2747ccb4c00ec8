/**
 * The frames of `tutor.v1.json`, as the server writes and reads them.
 * Items have the shapes of the ChatKit protocol, so one item model serves both.
 */

export type TurnStatus = "queued" | "running" | "continued" | "restarted" | "done" | "cancelled" | "failed" | "refused";
export type EndStatus = "done" | "cancelled" | "failed" | "refused";

export interface Page {
  course: string;
  lesson?: string;
  block?: string;
}

export interface Quota {
  limit: number | null;
  remaining: number | null;
  resets_at: string | null;
}

export interface Source {
  /** `<lesson>#<block>` */
  id: string;
  title: string;
  stage?: number;
  score?: number;
}

export interface TextPart {
  type: string;
  text?: string;
  annotations?: unknown[];
}

export interface Item {
  id: string;
  thread_id?: string;
  created_at?: string;
  type: string;
  content?: TextPart[];
  quoted_text?: string | null;
  /** Ours, when the server adds them to an answer it kept. */
  sources?: Source[];
  [extra: string]: unknown;
}

export interface LiveError {
  code: string;
  message: string;
}

interface Logged {
  thread: string;
  seq: number;
  epoch?: string;
}

export type ItemEvent = Logged & { type: "message"; item: Item };
export type TurnEvent = Logged & {
  type: "turn";
  turn: string;
  attempt: number;
  status: TurnStatus;
  hint_level?: number;
  drop_from?: number;
};
export type CitationsEvent = Logged & { type: "citations"; turn: string; sources: Source[] };
export type DeltaEvent = Logged & { type: "delta"; first?: number; turn: string; attempt: number; text: string };
export type EndEvent = Logged & {
  type: "end";
  turn: string;
  attempt?: number;
  status: EndStatus;
  item?: Item | null;
  length: number;
  sha256: string;
  error?: LiveError;
  hint_level?: number;
};
export type OtherLogged = Logged & { type: "item" | "edit" | "removed" };

export type LogEvent = ItemEvent | TurnEvent | CitationsEvent | DeltaEvent | EndEvent | OtherLogged;

export interface Resumed {
  type: "resumed";
  thread: string;
  epoch: string;
  mode: "current" | "replay" | "snapshot" | "reset";
  reason?: string;
  first?: number;
  seq?: number;
}

export interface EndedTurn {
  turn: string;
  status: EndStatus;
  item?: string | null;
  length: number;
  sha256: string;
  error?: LiveError;
}

export interface Snapshot {
  type: "snapshot";
  thread: string;
  epoch: string;
  seq: number;
  title?: string;
  items: Item[];
  turn?: {
    id: string;
    attempt: number;
    status: TurnStatus;
    text?: string;
    hint_level?: number;
    sources?: Source[];
  } | null;
  ended?: EndedTurn[];
  before?: string | null;
}

export interface Welcome {
  type: "welcome";
  id: number;
  session: string;
  connection: string;
  node: string;
  user: { id: string; name: string; role: string; stages?: Record<string, number> };
  expires?: string;
  heartbeat?: number;
  quota?: Quota;
  tutor?: { kind: string };
  page_error?: string;
}

export interface Ok {
  type: "ok";
  id: number;
  thread?: string;
  epoch?: string;
  item?: string;
  turn?: string;
  seq?: number;
  duplicate?: boolean;
  status?: string;
  quota?: Quota;
  items?: Item[];
  before?: string | null;
}

export interface ErrorFrame {
  type: "error";
  id?: number;
  thread?: string;
  code: string;
  message: string;
  retry_after_ms?: number;
  quota?: Quota;
}

export interface SessionRow {
  session: string;
  connection?: string;
  node?: string;
  user?: { id: string; name: string; role: string };
  page?: Page | null;
  since?: string | number;
  threads?: number | string[];
  transport?: string;
  queued_bytes?: number;
  lag?: number;
}

export interface FeedSnapshot {
  type: "feed.snapshot";
  feed: string;
  rows: SessionRow[];
}

export interface FeedDiff {
  type: "feed.diff";
  feed: string;
  add?: SessionRow[];
  update?: SessionRow[];
  remove?: string[];
}

export type Incoming =
  | LogEvent
  | Resumed
  | Snapshot
  | Welcome
  | Ok
  | ErrorFrame
  | FeedSnapshot
  | FeedDiff
  | { type: "heartbeat" }
  | { type: "auth"; expires?: string }
  | { type: "you"; role?: string; stages?: Record<string, number> }
  | { type: "thread"; thread: string; title?: string | null; updated?: string; deleted?: boolean }
  | { type: "typing" | "presence" };

const LOGGED = new Set(["message", "turn", "citations", "delta", "end", "item", "edit", "removed"]);

/** Events of a thread's log carry a thread and a seq; everything else is ephemeral. */
export function isLogEvent(frame: Incoming): frame is LogEvent {
  const seq = (frame as { seq?: unknown }).seq;
  const thread = (frame as { thread?: unknown }).thread;
  if (typeof seq !== "number" || typeof thread !== "string") return false;
  return LOGGED.has(frame.type) || !["ok", "error", "resumed", "snapshot"].includes(frame.type);
}

/** The joined text of an item: what `length` and `sha256` of its `end` are over. */
export function itemText(item: Item | null | undefined): string {
  return (item?.content ?? []).map((part) => part.text ?? "").join("");
}
