import { useEffect, useState } from "preact/hooks";
import type { Course } from "../lib/api";
import { courses } from "../lib/courses";
import { useStore } from "../lib/use-store";

/** Beside the lesson on a wide window; folded above it on a narrow one. */
export function CourseNav({ course, lesson }: { course: string; lesson: string }) {
  const found = useStore(courses, (state) => state.list?.find((entry) => entry.id === course) ?? null);
  const [wide, setWide] = useState(() => window.matchMedia("(min-width: 1000px)").matches);
  useEffect(() => {
    const query = window.matchMedia("(min-width: 1000px)");
    const look = () => setWide(query.matches);
    query.addEventListener("change", look);
    return () => query.removeEventListener("change", look);
  }, []);
  if (!found) return <div class="course-nav" />;
  return wide ? (
    <nav class="course-nav" aria-label={found.title}>
      <p class="course-nav-title"><a href="/">{found.title}</a></p>
      <Stages course={found} lesson={lesson} />
    </nav>
  ) : (
    <details class="course-nav course-nav-folded">
      <summary>{found.title}: lessons</summary>
      <nav aria-label={found.title}><Stages course={found} lesson={lesson} /></nav>
    </details>
  );
}

function Stages({ course, lesson }: { course: Course; lesson: string }) {
  return (
    <ol>
      {course.stages.map((stage) => (
        <li key={stage.number}>
          <p class="course-nav-stage">Stage {stage.number} · {stage.title}</p>
          <ul>
            {course.lessons.filter((entry) => entry.stage === stage.number).map((entry) => (
              <li key={entry.id}>
                <a href={`/learn/${course.id}/${entry.id}`} aria-current={entry.id === lesson ? "page" : undefined}>{entry.title}</a>
              </li>
            ))}
            {stage.has_quiz && <li><a class="course-nav-quiz" href={`/quiz/${course.id}/${stage.number}`}>Quiz</a></li>}
          </ul>
        </li>
      ))}
    </ol>
  );
}
