/**
 * The frames of `tutor.v1.json`. `protocol.ts` is made from the server's types; here stands what
 * those leave open: what each request's `ok` holds, and which rows a feed has.
 */
import type {
  Action, AuthEventRow, EntryRow, ErrorRow, Frame, Item, LogFrame, NodeRow, Quota, Request, SessionRow, Sign, TurnRow,
} from "./protocol";

export type {
  Action, annotation as Annotation, AuthEventRow, Code, Ending, EntryRow, ErrorRow, Failure, Filter, Item, NodeRow, Opinion, Page, Quota,
  Refusal, Request, Resume, Role, SessionRow, Sign, Source, TurnNews, TurnRow, Who,
} from "./protocol";
export { LIMITS, SUBPROTOCOL, TICKET_PREFIX } from "./protocol";

/** An event of a thread's log. */
export type LogEvent = LogFrame;
export type LogEventOf<K extends LogFrame["type"]> = Extract<LogFrame, { type: K }>;
export type FrameOf<K extends Frame["type"]> = Extract<Frame, { type: K }>;
export type Welcome = FrameOf<"welcome">;
export type Resumed = FrameOf<"resumed">;
export type Snapshot = FrameOf<"snapshot">;

/** What a client may ask once it is in; each gets one `ok` or `error`. */
export type Ask = Exclude<Request, { type: "hello" }>;

/** The `ok` of `send`, `edit`, `regenerate` and `hint`: an answer is on its way. */
export interface Accepted {
  thread: string;
  epoch?: string;
  item?: string;
  turn: string;
  seq: number;
  duplicate: boolean;
  quota?: Quota;
}

interface Audited {
  audit: string;
}

/** What the `ok` of each request holds. */
export interface Answers extends Record<Action["type"], Audited> {
  send: Accepted;
  edit: Accepted;
  regenerate: Accepted;
  hint: Accepted;
  cancel: { turn: string; status: string };
  open: { thread: string; epoch: string; seq: number };
  close: object;
  history: { thread: string; items: Item[]; before?: string };
  context: object;
  feedback: object;
  auth: { expires: string };
  watch: object;
  unwatch: object;
}

export interface OkFrame {
  type: "ok";
  id: number;
  quota?: Quota;
  [field: string]: unknown;
}

/** The rows of each feed. */
export interface FeedRows {
  sessions: SessionRow;
  turns: TurnRow;
  nodes: NodeRow;
  auth_events: AuthEventRow;
  errors: ErrorRow;
  [conversation: `thread:${string}`]: EntryRow;
}
export type FeedName = keyof FeedRows;
export type FeedRow = FeedRows[FeedName];

/** What names a row in `feed.diff.remove`. */
export function rowId(row: FeedRow): string {
  if ("id" in row) return row.id;
  if ("session" in row) return row.session;
  return "turn" in row ? row.turn : row.node;
}

/** What is no event of a log. */
export type Control = Exclude<Frame, { type: "ok" }> | OkFrame;
export type Incoming = Control | LogEvent;
export type Outgoing = (Request & { id: number }) | Sign;

const EPHEMERAL: ReadonlySet<string> = new Set(["ok", "error", "resumed", "snapshot"] satisfies Frame["type"][]);

/**
 * Events of a thread's log carry a thread and a seq; everything else is ephemeral. One of a kind
 * that this client does not know counts too: its seq is part of the order.
 */
export function isLogEvent(frame: Incoming): frame is LogEvent {
  const { seq, thread } = frame as { seq?: unknown; thread?: unknown };
  return typeof seq === "number" && typeof thread === "string" && !EPHEMERAL.has(frame.type);
}

/** The joined text of an item: what `length` and `sha256` of its `end` are over. */
export function itemText(item: Item | null | undefined): string {
  let text = "";
  for (const part of item?.content ?? []) text += part.text;
  return text;
}
