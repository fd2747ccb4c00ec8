import { useEffect } from "preact/hooks";
import { ArrowIcon, StackMark } from "../components/icons";
import { Shell } from "../components/shell";
import { LoadError, Notice, Spinner, usePageTitle } from "../components/ui";
import { VerifyBanner } from "../components/verify-banner";
import type { Course } from "../lib/api";
import { refreshSession, session } from "../lib/auth";
import { courses, loadCourses } from "../lib/courses";
import { plural } from "../lib/format";
import { useStore } from "../lib/use-store";
import { go, usePlace } from "../router";

export function CoursesPage() {
  usePageTitle("Courses");
  const { list, error } = useStore(courses);
  const user = useStore(session, (state) => state.user);
  useEffect(() => {
    void loadCourses();
  }, [user?.id]);
  return (
    <Shell>
      <LinkNotice />
      <VerifyBanner />
      <header class="page-head">
        <h1>Courses</h1>
        {user && <p class="muted">Good to see you, {user.name.split(" ")[0]}.</p>}
      </header>
      {error && <LoadError error={error} reload={() => void loadCourses()} />}
      {!list && !error && <Spinner label="Loading the courses…" />}
      {list?.length === 0 && <p class="empty">There is no course on this server yet.</p>}
      {list?.map((course) => <CourseCard key={course.id} course={course} verified={user?.emailVerified ?? false} />)}
    </Shell>
  );
}

/** The verification link lands here, through the server's redirect. */
function LinkNotice() {
  const query = new URLSearchParams(usePlace().search);
  const verified = query.has("verified");
  useEffect(() => {
    if (verified) void refreshSession();
  }, [verified]);
  if (query.has("error")) return <Notice kind="bad" onClose={() => go("/", true)}>That link is not valid any more. Ask for a new one.</Notice>;
  if (verified) return <Notice kind="good" onClose={() => go("/", true)}>Your e-mail is confirmed. Lessons and the tutor are open.</Notice>;
  return null;
}

function CourseCard({ course, verified }: { course: Course; verified: boolean }) {
  const first = course.lessons[0];
  const unlocked = course.stages.filter((stage) => stage.number <= course.unlocked).length;
  return (
    <article class="course">
      <header class="course-head">
        <StackMark filled={unlocked} total={Math.max(unlocked, course.stages.length, 5)} size={52} />
        <div>
          <h2>{course.title}</h2>
          <p class="course-about">{course.description}</p>
          <p class="muted small">{plural(unlocked, "stage")} open · {plural(course.lessons.length, "lesson")}</p>
        </div>
        {first && verified && (
          <a class="button button-primary" href={`/learn/${course.id}/${first.id}`}>
            Start reading <ArrowIcon />
          </a>
        )}
      </header>
      <ol class="stages">
        {course.stages.map((stage) => (
          <li key={stage.number} class="stage">
            <h3><span class="stage-number">Stage {stage.number}</span> {stage.title}</h3>
            <ul class="stage-lessons">
              {course.lessons.filter((lesson) => lesson.stage === stage.number).map((lesson) => (
                <li key={lesson.id}>
                  {verified ? <a href={`/learn/${course.id}/${lesson.id}`}>{lesson.title}</a> : <span class="muted">{lesson.title}</span>}
                </li>
              ))}
            </ul>
            {stage.has_quiz && verified && (
              <a class="quiz-link" href={`/quiz/${course.id}/${stage.number}`}>
                {stage.number < course.unlocked ? "Take the quiz again" : "Take the quiz to open the next stage"} <ArrowIcon />
              </a>
            )}
          </li>
        ))}
      </ol>
    </article>
  );
}
