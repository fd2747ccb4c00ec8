import type { Opinion } from "../live/frames";
import { Store } from "../live/store";

/** A message of ours that the thread's log does not show yet. */
export interface Pending {
  messageId: string;
  thread: string | null;
  text: string;
  quote: string | null;
  block: string | null;
  /** The server's item and turn, once it has accepted the message. */
  item: string | null;
  turn: string | null;
  refused: { code: string; message: string } | null;
}

/** A request about what stands already: another wording, another answer, more help. */
export interface Again {
  kind: "edit" | "regenerate" | "hint";
  /** The turn that it began, once the server has accepted it. */
  turn: string | null;
  refused: { code: string; message: string } | null;
}

export interface ChatState {
  open: boolean;
  view: "chat" | "threads";
  course: string;
  lesson: string;
  thread: string | null;
  quote: string | null;
  block: string | null;
  draft: string;
  pending: Pending[];
  stopping: boolean;
  again: Again | null;
  /** The question that is being reworded. */
  editing: string | null;
  /** What this window said of answers, by item. */
  opinions: Readonly<Record<string, Opinion>>;
  /** Counts up to ask for focus in the composer. */
  focus: number;
}

export const EMPTY: ChatState = {
  open: false, view: "chat", course: "", lesson: "", thread: null, quote: null, block: null, draft: "", pending: [],
  stopping: false, again: null, editing: null, opinions: {}, focus: 0,
};

export const chat = new Store<ChatState>(EMPTY);

/** What a reload of this lesson brings back. */
export interface Kept {
  open: boolean;
  thread: string | null;
  pending: Pending[];
}

export function keptKey(course: string, lesson: string): string {
  return `chat.${course}/${lesson}`;
}
