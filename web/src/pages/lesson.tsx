import { useEffect, useRef } from "preact/hooks";
import { markBlock } from "../chat/citations";
import { enterLesson, openChat } from "../chat/controller";
import { ChatPanel } from "../chat/panel";
import { chat } from "../chat/state";
import { AskIcon } from "../components/icons";
import { BlockView } from "../components/block";
import { LiveNotices } from "../components/live-notices";
import { CourseNav } from "../components/course-nav";
import { SelectionChip, selectedQuote } from "../components/selection-chip";
import { Shell } from "../components/shell";
import { LoadError, Notice, Spinner, useLoad, usePageTitle } from "../components/ui";
import { VerifyBanner } from "../components/verify-banner";
import { type Lesson, api } from "../lib/api";
import { session } from "../lib/auth";
import { courses, loadCourses } from "../lib/courses";
import type { Refused } from "../live/refused";
import { useStore } from "../lib/use-store";
import { go, usePlace } from "../router";

export function LessonPage({ course, lesson }: { course: string; lesson: string }) {
  const user = useStore(session, (state) => state.user);
  const { data, error, reload } = useLoad(() => api.lesson(course, lesson), `${course}/${lesson}/${user?.emailVerified}`);
  usePageTitle(data?.title ?? "Lesson");
  useEnter(course, lesson);
  useAltA();
  return (
    <Shell wide>
      <div class="lesson-page">
        <CourseNav course={course} lesson={lesson} />
        <article class="lesson">
          {error && <LessonError error={error} reload={reload} />}
          {!data && !error && <Spinner label="Loading the lesson…" />}
          {data && <LessonBody lesson={data} />}
        </article>
      </div>
      <SelectionChip />
      <AskButton />
      <LiveNotices />
      <ChatPanel lessonTitle={data?.title ?? "the lesson"} />
    </Shell>
  );
}

/** Tells the tutor where the reader is; `?thread=` opens that conversation and leaves the address. */
function useEnter(course: string, lesson: string): void {
  const { search } = usePlace();
  const thread = new URLSearchParams(search).get("thread");
  const entered = useRef("");
  useEffect(() => {
    if (!courses.value.list) void loadCourses();
  }, [course]);
  useEffect(() => {
    const key = `${course}/${lesson}`;
    if (entered.current === key && !thread) return;
    entered.current = key;
    enterLesson(course, lesson, thread);
    if (thread) go(location.pathname + location.hash, true);
  }, [course, lesson, thread]);
}

/** Alt+A asks about the selection, or about the block that has the focus. */
function useAltA(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!event.altKey || event.ctrlKey || event.metaKey || event.code !== "KeyA") return;
      event.preventDefault();
      const selected = selectedQuote();
      if (selected) return openChat(selected.text, selected.block);
      const block = document.activeElement?.closest<HTMLElement>(".block") ?? null;
      openChat(block?.querySelector(".block-body")?.textContent ?? null, block?.id ?? null);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

function LessonError({ error, reload }: { error: Refused; reload: () => void }) {
  if (error.code === "email_unverified") return <VerifyBanner />;
  if (error.code === "stage_locked" || error.code === "not_found") {
    return (
      <Notice kind="warn">
        <p><strong>This lesson is not open to you.</strong> It does not exist, or its stage is still locked. Pass the quiz of the stage before it to open the next.</p>
        <a class="button button-small" href="/">See what is open</a>
      </Notice>
    );
  }
  return <LoadError error={error} reload={reload} />;
}

function LessonBody({ lesson }: { lesson: Lesson }) {
  const { hash } = usePlace();
  useEffect(() => {
    const block = decodeURIComponent(hash.slice(1));
    if (block === "" || block === "content") return;
    // After the blocks are in the page and laid out.
    const frame = requestAnimationFrame(() => markBlock(block));
    return () => cancelAnimationFrame(frame);
  }, [hash, lesson.id]);
  const titled = lesson.blocks[0]?.kind === "heading" && /^\s*<h1/i.test(lesson.blocks[0].html);
  return (
    <>
      <p class="lesson-stage">Stage {lesson.stage}</p>
      {!titled && <h1>{lesson.title}</h1>}
      <div class="lesson-body">
        {lesson.blocks.map((block) => <BlockView key={block.id} block={block} />)}
      </div>
      <nav class="lesson-ends" aria-label="Previous and next lesson">
        {lesson.previous ? <a href={`/learn/${lesson.course}/${lesson.previous.id}`}><span>Before</span>{lesson.previous.title}</a> : <span />}
        {lesson.next ? <a href={`/learn/${lesson.course}/${lesson.next.id}`} class="lesson-next"><span>Next</span>{lesson.next.title}</a> : <QuizLink lesson={lesson} />}
      </nav>
    </>
  );
}

function QuizLink({ lesson }: { lesson: Lesson }) {
  return <a href={`/quiz/${lesson.course}/${lesson.stage}`} class="lesson-next"><span>Next</span>Quiz of stage {lesson.stage}</a>;
}

function AskButton() {
  const open = useStore(chat, (state) => state.open);
  if (open) return null;
  return (
    <button type="button" class="ask-float" onClick={() => openChat(null, null)} aria-keyshortcuts="Alt+A">
      <AskIcon /> Ask the tutor
    </button>
  );
}
