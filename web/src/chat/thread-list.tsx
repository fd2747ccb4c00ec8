import { useEffect, useState } from "preact/hooks";
import { PencilIcon, TrashIcon } from "../components/icons";
import { LoadError, Notice, Spinner, asRefused } from "../components/ui";
import { type ThreadRow, api } from "../lib/api";
import { courses, loadCourses } from "../lib/courses";
import { ago } from "../lib/format";
import { live } from "../lib/live";
import type { Refused } from "../live/refused";
import { useStore } from "../lib/use-store";
import { go } from "../router";
import { openThread, remove, rename } from "./controller";
import { chat } from "./state";

interface Listed {
  rows: ThreadRow[] | null;
  next: string | null;
  error: Refused | null;
}

/** Every conversation, newest first, grouped by course and lesson. */
export function ThreadList({ inPanel = false }: { inPanel?: boolean }) {
  const [query, setQuery] = useState("");
  const [listed, setListed] = useState<Listed>({ rows: null, next: null, error: null });
  const [round, setRound] = useState(0);
  const known = useStore(courses, (state) => state.list);
  const again = () => setRound((count) => count + 1);

  useEffect(() => {
    if (!courses.value.list) void loadCourses();
    live.connect();
    // Titles and new threads from any window of this user.
    live.onThread = again;
    return () => {
      live.onThread = null;
    };
  }, []);
  useEffect(() => {
    let current = true;
    const timer = window.setTimeout(() => {
      api.threads({ q: query.trim() }).then(
        (page) => current && setListed({ rows: page.threads, next: page.next ?? null, error: null }),
        (error: unknown) => current && setListed({ rows: null, next: null, error: asRefused(error) }),
      );
    }, query === "" ? 0 : 200);
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [query, round]);

  const more = async () => {
    const page = await api.threads({ q: query.trim(), before: listed.next ?? "" });
    setListed({ rows: [...(listed.rows ?? []), ...page.threads], next: page.next ?? null, error: null });
  };
  const courseTitle = (id: string | null) => known?.find((course) => course.id === id)?.title ?? id ?? "Chats";
  return (
    <div class={inPanel ? "threads threads-panel" : "threads"}>
      <label class="search">
        <span class="sr-only">Search your chats</span>
        <input type="search" placeholder="Search your chats" value={query} onInput={(event) => setQuery(event.currentTarget.value)} />
      </label>
      {listed.error?.code === "email_unverified" && <p class="empty">Chats open once your e-mail is confirmed.</p>}
      {listed.error && listed.error.code !== "email_unverified" && <LoadError error={listed.error} reload={again} />}
      {!listed.rows && !listed.error && <Spinner label="Loading your chats…" />}
      {listed.rows?.length === 0 && <p class="empty">{query ? "No chat matches." : "No chats yet. Open a lesson, mark a sentence and ask about it."}</p>}
      {grouped(listed.rows ?? []).map((group) => (
        <section key={group.key} class="thread-group">
          <h3><span class="muted">{courseTitle(group.course)}</span> {group.lesson}</h3>
          <ul>{group.rows.map((row) => <Row key={row.id} row={row} onChanged={again} />)}</ul>
        </section>
      ))}
      {listed.next && <button type="button" class="button button-small" onClick={() => void more()}>Show more</button>}
    </div>
  );
}

interface Group {
  key: string;
  course: string | null;
  lesson: string;
  rows: ThreadRow[];
}

function grouped(rows: ThreadRow[]): Group[] {
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const key = `${row.course}/${row.lesson}`;
    const group = groups.get(key) ?? { key, course: row.course, lesson: row.lesson_title ?? row.lesson ?? "outside a lesson", rows: [] };
    group.rows.push(row);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** A conversation without a lesson is shown beside the first one. */
function anyLesson(): { course: string; lesson: string } | null {
  const course = courses.value.list?.find((entry) => entry.lessons.length > 0);
  const lesson = course?.lessons[0];
  return course && lesson ? { course: course.id, lesson: lesson.id } : null;
}

function Row({ row, onChanged }: { row: ThreadRow; onChanged: () => void }) {
  const [mode, setMode] = useState<"show" | "rename" | "delete">("show");
  const [failed, setFailed] = useState<string | null>(null);
  const title = row.title ?? "Untitled chat";
  const open = () => {
    const here = row.course !== null && row.lesson !== null ? { course: row.course, lesson: row.lesson } : anyLesson();
    if (!here) return setFailed("There is no lesson to show it beside.");
    if (chat.value.course === here.course && chat.value.lesson === here.lesson && location.pathname.startsWith("/learn/")) openThread(row.id);
    else go(`/learn/${encodeURIComponent(here.course)}/${encodeURIComponent(here.lesson)}?thread=${encodeURIComponent(row.id)}`);
  };
  const run = async (change: () => Promise<void>) => {
    setFailed(null);
    try {
      await change();
      setMode("show");
      onChanged();
    } catch (error) {
      setFailed(asRefused(error).message);
    }
  };
  const save = (event: Event) => {
    event.preventDefault();
    const wanted = new FormData(event.currentTarget as HTMLFormElement).get("title");
    if (typeof wanted === "string" && wanted.trim() !== "") void run(() => rename(row.id, wanted.trim()));
  };
  return (
    <li class="thread-row" data-thread={row.id}>
      {mode === "rename" ? (
        <form class="title-form" onSubmit={save}>
          <input name="title" aria-label="New title" defaultValue={title} maxLength={120} ref={(input) => input?.focus()} />
          <button type="submit" class="button button-small">Save</button>
          <button type="button" class="quiet-button" onClick={() => setMode("show")}>Cancel</button>
        </form>
      ) : mode === "delete" ? (
        <div class="confirm" role="alertdialog" aria-label={`Delete ${title}`}>
          <span>Delete “{title}” for good?</span>
          <button type="button" class="button button-small button-danger" ref={(button) => button?.focus()} onClick={() => void run(() => remove(row.id))}>Delete</button>
          <button type="button" class="quiet-button" onClick={() => setMode("show")}>Keep</button>
        </div>
      ) : (
        <>
          <button type="button" class="thread-open" onClick={open}>
            <span class="thread-title">{title}</span>
            <span class="muted small">{ago(row.updated_at)}</span>
          </button>
          <button type="button" class="icon-button icon-small" aria-label={`Rename ${title}`} title="Rename" onClick={() => setMode("rename")}><PencilIcon /></button>
          <button type="button" class="icon-button icon-small" aria-label={`Delete ${title}`} title="Delete" onClick={() => setMode("delete")}><TrashIcon /></button>
        </>
      )}
      {failed && <Notice kind="bad">{failed}</Notice>}
    </li>
  );
}
