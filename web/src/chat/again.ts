import { cut } from "../lib/format";
import { live } from "../lib/live";
import type { Accepted, Opinion } from "../live/frames";
import { LIMITS } from "../live/frames";
import type { ThreadState } from "../live/reducer";
import { Refused } from "../live/refused";
import { currentThread, isBusy } from "./controller";
import { type Again, chat } from "./state";

/** One level more of help with the newest question. */
export function anotherHint(): void {
  const turn = currentThread()?.order.at(-1);
  if (turn !== undefined) void begin("hint", () => live.hint(turn));
}

/** Another answer to the newest question, in place of the one that stands. */
export function anotherAnswer(): void {
  const thread = currentThread();
  const item = thread && newestAnswer(thread);
  if (item) void begin("regenerate", () => live.regenerate(item));
}

/** What another answer would stand in for: the newest answer, or the question if it has none. */
function newestAnswer(thread: ThreadState): string | null {
  const last = thread.order.at(-1);
  const answer = last === undefined ? null : (thread.ended[last]?.item ?? null);
  return answer ?? thread.items.findLast((item) => item.type === "user_message")?.id ?? null;
}

export function startEditing(item: string): void {
  if (!isBusy(currentThread())) chat.patch({ editing: item });
}

export function stopEditing(): void {
  chat.patch({ editing: null, focus: chat.value.focus + 1 });
}

/** The other wording; the field stays open until the server has taken it. */
export async function saveEdit(item: string, text: string): Promise<void> {
  const words = cut(text.trim(), LIMITS.text);
  if (words === "") return;
  if (await begin("edit", () => live.edit(item, words))) stopEditing();
}

async function begin(kind: Again["kind"], request: () => Promise<Accepted>): Promise<boolean> {
  if (isBusy(currentThread())) return false;
  chat.patch({ again: { kind, turn: null, refused: null } });
  try {
    const { turn } = await request();
    const thread = currentThread();
    // The log may have shown the turn before its answer was handled here.
    const begun = thread?.turn?.id === turn || thread?.ended[turn] !== undefined;
    chat.patch({ again: begun ? null : { kind, turn, refused: null } });
    return true;
  } catch (error) {
    const { code, message } = error instanceof Refused ? error : new Refused("internal", "That did not work.");
    chat.patch({ again: { kind, turn: null, refused: { code, message } } });
    return false;
  }
}

/** Resolves to what went wrong, for the person; null if it was noted. */
export async function say(item: string, kind: Opinion, reason?: string): Promise<string | null> {
  try {
    await live.feedback(item, kind, reason === undefined ? undefined : cut(reason.trim(), LIMITS.reason));
    chat.patch({ opinions: { ...chat.value.opinions, [item]: kind } });
    return null;
  } catch (error) {
    return error instanceof Refused ? error.message : "That did not work.";
  }
}
