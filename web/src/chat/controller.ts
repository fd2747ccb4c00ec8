import { api } from "../lib/api";
import { session } from "../lib/auth";
import { live } from "../lib/live";
import { cut } from "../lib/format";
import { recall, remember } from "../lib/session-memory";
import { Refused } from "../live/refused";
import { LIMITS, type Page } from "../live/frames";
import { newMessageId } from "../live/ids";
import type { Ended, ThreadState } from "../live/reducer";
import { EMPTY, type Kept, type Pending, chat, keptKey } from "./state";

// Whatever changes here is what a reload must find again.
chat.watch((state) => {
  if (state.course === "") return;
  const pending = state.pending.filter((message) => message.refused === null);
  const kept: Kept = { open: state.open, thread: state.thread, pending };
  remember(keptKey(state.course, state.lesson), kept.open || kept.thread || pending.length > 0 ? kept : null);
});

// Another account in this window starts with an empty chat.
let owner = session.value.user?.id ?? null;
session.watch(({ user }) => {
  if (owner !== null && owner !== user?.id) chat.set(EMPTY);
  owner = user?.id ?? null;
});

// A message that the log shows needs no stand-in any more.
live.threads.watch((threads) => {
  const rest = chat.value.pending.filter((message) => !isLogged(message, threads));
  if (rest.length !== chat.value.pending.length) chat.patch({ pending: rest });
  const thread = currentThread();
  const again = chat.value.again?.turn;
  if (again && (thread?.turn?.id === again || thread?.ended[again])) chat.patch({ again: null });
  if (chat.value.stopping && !isBusy(thread)) chat.patch({ stopping: false });
});

function isLogged(message: Pending, threads: Record<string, ThreadState>): boolean {
  if (message.item === null || message.thread === null) return false;
  return threads[message.thread]?.items.some((item) => item.id === message.item) ?? false;
}

export function currentThread(): ThreadState | null {
  const id = chat.value.thread;
  return id === null ? null : (live.threads.value[id] ?? null);
}

/** The lesson in view: the tutor's context, and the thread that a reload left open here. */
export function enterLesson(course: string, lesson: string, thread: string | null): void {
  const kept = recall<Kept>(keptKey(course, lesson));
  const stays = chat.value.course === course && chat.value.lesson === lesson;
  leaveThread(thread ?? kept?.thread ?? null);
  chat.set({
    ...EMPTY, course, lesson, draft: stays ? chat.value.draft : "",
    open: thread !== null || (kept?.open ?? false), thread: thread ?? kept?.thread ?? null, pending: kept?.pending ?? [],
    focus: chat.value.focus,
  });
  live.setPage({ course, lesson });
  live.connect();
  if (chat.value.thread) show(chat.value.thread);
  // A message on its way when the page went: the same id again, so it counts once.
  for (const message of chat.value.pending) void transmit(message);
}

function leaveThread(next: string | null): void {
  const old = chat.value.thread;
  if (old !== next) chat.patch({ again: null, editing: null });
  if (old && old !== next) live.closeThread(old);
}

function show(thread: string): void {
  live.open(thread).catch(() => undefined);
}

/** What had the focus when the chat opened gets it back. */
let opener: HTMLElement | null = null;

export function openChat(quote: string | null, block: string | null): void {
  if (!chat.value.open) opener = document.activeElement instanceof HTMLElement ? document.activeElement : null;
  chat.patch({
    open: true, view: "chat", quote: cut(quote?.trim() ?? "", LIMITS.quote) || chat.value.quote, block: block ?? chat.value.block,
    focus: chat.value.focus + 1,
  });
}

export function closeChat(): void {
  chat.patch({ open: false });
  if (opener?.isConnected) opener.focus({ preventScroll: true });
  opener = null;
}

export function newThread(): void {
  leaveThread(null);
  chat.patch({ thread: null, pending: [], view: "chat", stopping: false, focus: chat.value.focus + 1 });
}

export function openThread(thread: string): void {
  leaveThread(thread);
  chat.patch({ thread, pending: [], view: "chat", open: true, stopping: false, focus: chat.value.focus + 1 });
  show(thread);
}

/** Something is being written, or about to be: one turn a thread at a time. */
export function isBusy(thread: ThreadState | null): boolean {
  const { pending, again } = chat.value;
  return thread?.turn != null || pending.some((message) => message.refused === null) || (again !== null && again.refused === null);
}

export function ask(text: string, quote = chat.value.quote): void {
  const words = cut(text.trim(), LIMITS.text);
  if (words === "" || isBusy(currentThread())) return;
  const { thread, block } = chat.value;
  const message: Pending = { messageId: newMessageId(), thread, text: words, quote, block, item: null, turn: null, refused: null };
  if (thread) live.typing(thread, false);
  const answered = chat.value.pending.filter((old) => old.refused === null);
  chat.patch({ pending: [...answered, message], again: null, draft: "", quote: null, focus: chat.value.focus + 1 });
  void transmit(message);
}

async function transmit(message: Pending): Promise<void> {
  const { course, lesson } = chat.value;
  const page: Page = { course, lesson };
  if (message.block) page.block = message.block;
  try {
    const ok = await live.send({
      thread: message.thread, messageId: message.messageId, text: message.text, quote: message.quote ?? undefined, page,
    });
    const thread = ok.thread ?? message.thread;
    const ours = chat.value.pending.some((other) => other.messageId === message.messageId);
    if (ours && chat.value.thread === null && thread) chat.patch({ thread });
    change(message.messageId, { thread, item: ok.item ?? null, turn: ok.turn ?? null });
    // The log may have shown the message before its answer was handled here.
    const rest = chat.value.pending.filter((other) => !isLogged(other, live.threads.value));
    if (rest.length !== chat.value.pending.length) chat.patch({ pending: rest });
  } catch (error) {
    const refused = error instanceof Refused ? error : new Refused("internal", "The message could not be sent.");
    change(message.messageId, { refused: { code: refused.code, message: refused.message } });
  }
}

function change(messageId: string, part: Partial<Pending>): void {
  chat.patch({ pending: chat.value.pending.map((message) => (message.messageId === messageId ? { ...message, ...part } : message)) });
}

/** Sends a refused message again, as a new one. */
export function sendAgain(messageId: string): void {
  const message = chat.value.pending.find((other) => other.messageId === messageId);
  if (!message) return;
  chat.patch({ pending: chat.value.pending.filter((other) => other !== message), block: message.block });
  ask(message.text, message.quote);
}

export function takeBack(messageId: string): void {
  const message = chat.value.pending.find((other) => other.messageId === messageId);
  if (!message) return;
  chat.patch({
    pending: chat.value.pending.filter((other) => other !== message), draft: message.text, quote: message.quote,
    focus: chat.value.focus + 1,
  });
}

export async function stop(): Promise<void> {
  const { pending, again } = chat.value;
  const turn = currentThread()?.turn?.id ?? pending.find((message) => message.turn !== null)?.turn ?? again?.turn;
  if (!turn) return;
  chat.patch({ stopping: true });
  await live.cancel(turn).catch(() => chat.patch({ stopping: false }));
}

export async function rename(thread: string, title: string): Promise<void> {
  const row = await api.renameThread(thread, title);
  live.retitle(thread, row.title ?? title);
}

export async function remove(thread: string): Promise<void> {
  await api.deleteThread(thread);
  live.closeThread(thread);
  if (chat.value.thread === thread) chat.patch({ thread: null, pending: [], stopping: false });
}

/** The last turn of a thread, if it left no item: stopped or failed before its first word. */
export function bareEnd(thread: ThreadState): Ended | null {
  const last = thread.order.at(-1);
  const end = last === undefined ? undefined : thread.ended[last];
  return end && !thread.turn && end.item === null ? end : null;
}
