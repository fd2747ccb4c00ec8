// Made from src/domain of the server by `INTELLISTACK_WRITE_TYPES=1 cargo test --lib typescript`; do not edit.

export const SUBPROTOCOL = "tutor.v1.json";
export const TICKET_PREFIX = "tutor.ticket.";
/** Unicode characters of each text. */
export const LIMITS = { text: 8000, quote: 2000, reason: 2000, notice: 2000 } as const;

/**
 * What staff may do from the dashboard (`live.md` §2.7). Each leaves an audit entry.
 */
export type Action = { "type": "kick" } & Kick | { "type": "revoke" } & Revoke | { "type": "cancel_turn" } & Cancel | { "type": "drain_node" } & DrainNode | { "type": "notice" } & Notice | { "type": "set_quota" } & SetQuota;

export type AssistantContent = { "type": "output_text", text: string, annotations: Array<annotation>, };

export type Auth = { token: string, };

/**
 * Something that happened to an account.
 */
export type AuthEventRow = { id: string, at: string,
/**
 * Such as `sign_in`, `sign_in_failed`, `sign_out`.
 */
kind: string, user: UserId | null, email: string | null, address: string | null, agent: string | null, };

export type Cancel = { turn: TurnId, };

/**
 * Why a request was refused or a turn failed, for a program to act on.
 */
export type Code = "bad_request" | "unknown_type" | "not_found" | "forbidden" | "stage_locked" | "email_unverified" | "quota_exceeded" | "rate_limited" | "busy_turn" | "turn_ended" | "too_large" | "conflict" | "moderation" | "upstream_error" | "upstream_timeout" | "store_unavailable" | "read_only" | "overloaded" | "internal";

/**
 * One socket.
 */
export type ConnectionId = string;

export type Context = { page: Page, };

/**
 * A course.
 */
export type CourseId = string;

/**
 * Tells a running node to take no new work and to send its clients elsewhere.
 */
export type DrainNode = { node: NodeId, };

/**
 * Another wording of a question: everything from it on is left, a new branch begins.
 */
export type Edit = { item: ItemId, text: string,
/**
 * Makes a repeat of this request harmless, as it does for `send`.
 */
message_id?: MessageId, };

export type End = { turn: TurnId, attempt: number, status: Ending, item?: Item,
/**
 * Unicode scalar values of the text that stands.
 */
length: number,
/**
 * Lower-case hex over its UTF-8 bytes.
 */
sha256: string, usage: Usage, timing_ms: Timing, error?: Failure,
/**
 * What the answer had to do without, such as `retrieval`.
 */
degraded?: Array<string>, };

export type EndedTurn = { turn: TurnId, status: string, item?: ItemId, length: number, sha256: string, };

export type Ending = "done" | "cancelled" | "failed" | "refused";

/**
 * What stands in a watched conversation: an item, or the answer that is being written.
 */
export type EntryRow = Item | { id: TurnId, type: RunningTag, attempt: number, text: string, };

/**
 * The name of one unbroken log of a thread; a new one says "what you have may not continue".
 */
export type Epoch = string;

/**
 * A line of the log at level warning or error.
 */
export type ErrorRow = { id: string, at: string, node: NodeId,
/**
 * `warn` or `error`.
 */
level: string,
/**
 * The part of the program that said it.
 */
target: string, message: string, };

export type Failure = { code: Code, message: string, };

/**
 * What a learner thinks of an answer.
 */
export type Feedback = { item: ItemId, kind: Opinion, reason?: string, };

export type Filter = { role?: string, user?: string, course?: string, };

export type Frame = { "type": "welcome" } & Welcome | { "type": "ok", id: number, } | { "type": "error" } & Refusal | { "type": "resumed" } & Resumed | { "type": "snapshot" } & Snapshot | { "type": "heartbeat" } | { "type": "auth", expires: string, } | { "type": "you", role: Role, stages: { [key in CourseId]: number }, } | { "type": "thread", thread: ThreadId, title: string, updated: string, } | { "type": "typing", thread: ThreadId, user: UserId, name: string, on: boolean, } | { "type": "presence", user: UserId, sessions: number, } | { "type": "notice", text: string, at: string, } | { "type": "feed.snapshot", feed: string, rows: Array<Row>, } | { "type": "feed.diff", feed: string, add: Array<Row>, update: Array<Row>,
/**
 * Ids of rows.
 */
remove: Array<string>, };

export type Hello = { client?: string,
/**
 * The stay to go on with.
 */
session?: StayId, token?: string,
/**
 * Read leniently: a bad page is named in `welcome.page_error`, it does not refuse the hello.
 */
page?: Page, resume: Array<Resume>, };

/**
 * One level more of help with the newest question.
 */
export type Hint = { turn: TurnId, message_id?: MessageId, };

export type History = { thread: ThreadId, before?: string, limit?: number, };

export type Item = { id: ItemId, thread_id: ThreadId,
/**
 * RFC 3339, UTC.
 */
created_at: string, } & ({ "type": "user_message", content: Array<UserContent>, attachments: Array<JsonValue>, quoted_text?: string, inference_options: { [key in string]: JsonValue }, } | { "type": "assistant_message", content: Array<AssistantContent>, });

/**
 * One message or other entry of a thread.
 */
export type ItemId = string;

export type JsonValue = number | string | boolean | Array<JsonValue> | { [key in string]: JsonValue } | null;

/**
 * Ends one socket; its client stops and shows the reason.
 */
export type Kick = { session: StayId, reason?: string, };

/**
 * A lesson; unique within its course.
 */
export type LessonId = string;

/**
 * An event of a thread's log on its way to a client.
 */
export type LogFrame = { thread: ThreadId,
/**
 * Only at seq 1 and where it changed.
 */
epoch?: Epoch,
/**
 * Only on a merged delta.
 */
first?: number, seq: number, } & ({ "type": "message", item: Item,
/**
 * With an edited question: the one that it stands in for. That item and all behind it
 * have left the conversation.
 */
replaces?: ItemId, } | { "type": "turn", turn: TurnId, attempt: number, status: TurnNews, hint_level?: number,
/**
 * With `restarted`: forget the text of this turn from this seq on.
 */
drop_from?: number,
/**
 * With a regenerated answer: the one that has left the conversation.
 */
replaces?: ItemId, } | { "type": "citations", turn: TurnId, sources: Array<Source>, } | { "type": "delta", turn: TurnId, attempt: number, text: string, } | { "type": "end" } & End);

/**
 * The client's own name for a message; unique a user, so that a repeat makes no second one.
 */
export type MessageId = string;

export type Mode = "current" | "replay" | "snapshot" | "reset";

/**
 * A server process that keeps its name over restarts.
 */
export type NodeId = string;

/**
 * A server.
 */
export type NodeRow = { node: NodeId, version: string, started: string,
/**
 * Its lease holds.
 */
alive: boolean, draining: boolean,
/**
 * What it has to do without: `bus`, the word of other nodes.
 */
degraded: Array<string>, sessions: number, turns: number,
/**
 * Resident memory of the process.
 */
rss_bytes: number, };

/**
 * A message from those who run the school: to one stay, to all of a user's, or to everybody.
 */
export type Notice = { session?: StayId, user?: UserId, text: string, };

export type OfThread = { thread: ThreadId, };

/**
 * The two kinds that `ChatKit` has as well.
 */
export type Opinion = "positive" | "negative";

/**
 * Where the client is: names only, the server reads the text from its own store.
 */
export type Page = { course: CourseId, lesson?: LessonId, block?: string, };

/**
 * What the learner is shown. All three are null for those without a limit.
 */
export type Quota = { limit: number | null, remaining: number | null,
/**
 * When the oldest unit leaves the window; null if none is used.
 */
resets_at: string | null, };

export type Refusal = { id?: number, thread?: ThreadId, code: Code,
/**
 * For the person: says what to do next.
 */
message: string, retry_after_ms?: number, quota?: Quota, };

/**
 * Another answer to the newest question, in place of the one that stands. `item` is that answer,
 * or the question where it has none.
 */
export type Regenerate = { item: ItemId, message_id?: MessageId, };

/**
 * A request that gets exactly one answer.
 */
export type Request = { "type": "hello" } & Hello | { "type": "send" } & Send | { "type": "edit" } & Edit | { "type": "regenerate" } & Regenerate | { "type": "hint" } & Hint | { "type": "cancel" } & Cancel | { "type": "open" } & OfThread | { "type": "close" } & OfThread | { "type": "history" } & History | { "type": "context" } & Context | { "type": "feedback" } & Feedback | { "type": "auth" } & Auth | { "type": "watch" } & Watch | { "type": "unwatch" } & Unwatch | Action;

/**
 * What a client has of a thread.
 */
export type Resume = { thread: ThreadId, epoch?: Epoch, seq?: number, };

export type Resumed = { thread: ThreadId, epoch: Epoch, mode: Mode, first?: number, seq?: number, reason?: string, };

/**
 * Ends sign-ins: the one behind a stay, or all of a user's.
 */
export type Revoke = { session?: StayId, user?: UserId, };

export type Role = "student" | "instructor" | "admin";

/**
 * A row of any feed; which kind it is follows from the feed.
 */
export type Row = SessionRow | TurnRow | NodeRow | AuthEventRow | ErrorRow | EntryRow;

export type RowUser = { id: UserId, name: string, role: Role, };

/**
 * The `type` of a running answer among the items.
 */
export type RunningTag = "running_turn";

export type Send = { thread?: ThreadId, message_id: MessageId, text: string, quote?: string, page?: Page, };

/**
 * How far a client has come in its threads.
 */
export type Seqs = { seqs?: { [key in ThreadId]: number }, };

/**
 * Somebody who is connected.
 */
export type SessionRow = { session: StayId, connection: ConnectionId, node: NodeId, user: RowUser,
/**
 * The admin who acts as this person; absent where she acts herself.
 */
impersonated_by?: UserId, page: Page | null,
/**
 * RFC 3339, as all times of rows.
 */
since: string, threads: Array<ThreadId>,
/**
 * `websocket` or `sse`.
 */
transport: string, queued_bytes: number,
/**
 * Events that are in a log and that the client has not acknowledged (or, if it never
 * acknowledges, that have not been sent).
 */
lag: number, };

/**
 * How many messages a day a user has; null is what the role has.
 */
export type SetQuota = { user: UserId, limit?: number | null, };

/**
 * What a client says without being answered.
 */
export type Sign = { "type": "ack" } & Seqs | { "type": "heartbeat" } & Seqs | { "type": "typing" } & Typing;

export type Snapshot = { thread: ThreadId, epoch: Epoch, seq: number, title: string,
/**
 * The newest, oldest first.
 */
items: Array<Item>, turn?: SnapshotTurn,
/**
 * Turns that ended within these items: a client counts each as its `end`.
 */
ended: Array<EndedTurn>,
/**
 * For `history`: there is more before these items.
 */
before?: string, };

export type SnapshotTurn = { id: TurnId, attempt: number, status: string, text: string, hint_level?: number, sources?: Array<Source>, };

/**
 * A passage of a lesson that an answer quotes. `id` is `<lesson>#<block>`.
 */
export type Source = { id: string, title: string, stage: number, score: number, };

/**
 * A client's stay: goes on over reconnects, ends with the page.
 */
export type StayId = string;

/**
 * A conversation between one user and the tutor.
 */
export type ThreadId = string;

/**
 * Milliseconds from the accepted question to the first text and to the end.
 */
export type Timing = { first: number | null, total: number, };

/**
 * One answer of the tutor, from the question to its `end`.
 */
export type TurnId = string;

export type TurnNews = "queued" | "running" | "continued" | "restarted";

/**
 * An answer that has not ended.
 */
export type TurnRow = { turn: TurnId, thread: ThreadId, user: UserId,
/**
 * `queued` or `running`.
 */
status: string,
/**
 * Who writes it; absent while it waits for an owner.
 */
node: NodeId | null, attempt: number, since: string, hint_level: number | null,
/**
 * Pieces of text written so far by this owner, and in the last second.
 */
tokens: number, tokens_per_second: number, };

export type TutorKind = { kind: string, };

/**
 * Somebody is writing, for six seconds unless said again.
 */
export type Typing = { thread: ThreadId, on: boolean, };

export type Unwatch = { feed: string, };

export type Usage = { input: number, output: number, };

export type UserContent = { "type": "input_text", text: string, };

/**
 * A person who signs in. Opaque: an imported user keeps the id of the older system.
 */
export type UserId = string;

export type Watch = { feed: string, filter?: Filter, };

export type Welcome = { id: number, session: StayId, connection: ConnectionId, node: NodeId, user: Who,
/**
 * When the access token or the sign-in runs out.
 */
expires: string,
/**
 * Seconds of silence after which each side sends a heartbeat.
 */
heartbeat: number, max_frame: number, quota: Quota, tutor: TutorKind, page_error?: string, };

export type Who = { id: UserId, name: string, role: Role, stages: { [key in CourseId]: number }, };

/**
 * A footnote of an answer.
 */
export type annotation = { "type": "annotation", source: entity,
/**
 * Where the marker stands, in Unicode scalar values from the start of the text.
 */
index?: number, };

export type entity = { "type": "entity", id: string, title: string, interactive: boolean, data: { [key in string]: JsonValue }, };
