import { useRef, useState } from "preact/hooks";
import { ArrowIcon } from "../components/icons";
import { Shell } from "../components/shell";
import { LoadError, Notice, Spinner, asRefused, useLoad, usePageTitle } from "../components/ui";
import { VerifyBanner } from "../components/verify-banner";
import { type Quiz, type QuizResult, api } from "../lib/api";
import { courses, loadCourses } from "../lib/courses";
import { useStore } from "../lib/use-store";

export function QuizPage({ course, stage }: { course: string; stage: string }) {
  usePageTitle(`Quiz of stage ${stage}`);
  const { data, error, reload } = useLoad(() => api.quiz(course, Number(stage)), `${course}/${stage}`);
  const title = useStore(courses, (state) => state.list?.find((entry) => entry.id === course)?.title ?? null);
  return (
    <Shell>
      <header class="page-head">
        <p class="lesson-stage"><a href="/">{title ?? "Courses"}</a></p>
        <h1>Quiz of stage {stage}</h1>
      </header>
      {error?.code === "email_unverified" && <VerifyBanner />}
      {error?.code === "stage_locked" && <Notice kind="warn">This stage is not open to you yet. <a href="/">See what is open.</a></Notice>}
      {error && error.code !== "email_unverified" && error.code !== "stage_locked" && <LoadError error={error} reload={reload} />}
      {!data && !error && <Spinner label="Loading the questions…" />}
      {data && <Questions key={`${course}/${stage}`} quiz={data} />}
    </Shell>
  );
}

function Questions({ quiz }: { quiz: Quiz }) {
  const [answers, setAnswers] = useState<Record<string, number>>({});
  const [result, setResult] = useState<QuizResult | null>(null);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const outcome = useRef<HTMLDivElement>(null);
  const open = quiz.questions.filter((question) => answers[question.id] === undefined).length;

  const submit = async (event: Event) => {
    event.preventDefault();
    if (open > 0 || busy) return;
    setBusy(true);
    setFailed(null);
    try {
      setResult(await api.answerQuiz(quiz.course, quiz.stage, answers));
      void loadCourses();
      requestAnimationFrame(() => outcome.current?.focus());
    } catch (error) {
      setFailed(asRefused(error).message);
    }
    setBusy(false);
  };
  const again = () => {
    setResult(null);
    setAnswers({});
    window.scrollTo(0, 0);
  };
  return (
    <form class="quiz" onSubmit={(event) => void submit(event)}>
      <div ref={outcome} tabIndex={-1} class="quiz-outcome">
        {result && <Outcome result={result} stage={quiz.stage} onAgain={again} />}
      </div>
      {quiz.questions.map((question, index) => (
        <fieldset key={question.id} class="question" disabled={result !== null}>
          <legend><span class="question-number">{index + 1}</span> {question.prompt}</legend>
          {question.options.map((option, choice) => (
            <label key={choice} class="option">
              <input
                type="radio" name={question.id} value={choice} checked={answers[question.id] === choice}
                onChange={() => setAnswers({ ...answers, [question.id]: choice })}
              />
              <span>{option}</span>
            </label>
          ))}
          {result?.results[question.id] && (
            <p class={result.results[question.id]?.correct ? "verdict verdict-right" : "verdict verdict-wrong"}>
              <strong>{result.results[question.id]?.correct ? "Right." : "Not quite."}</strong> {result.results[question.id]?.explanation}
            </p>
          )}
        </fieldset>
      ))}
      {failed && <Notice kind="bad">{failed}</Notice>}
      {!result && (
        <div class="quiz-end">
          <button type="submit" class="button button-primary" disabled={open > 0 || busy}>{busy ? "Checking…" : "Check my answers"}</button>
          <span class="muted small" role="status">{open > 0 ? `${open} still open` : "All answered"}</span>
        </div>
      )}
    </form>
  );
}

function Outcome({ result, stage, onAgain }: { result: QuizResult; stage: number; onAgain: () => void }) {
  return (
    <Notice kind={result.passed ? "good" : "warn"}>
      <p>
        <strong>{result.correct} of {result.total} right{result.passed ? ": passed." : `; ${result.needed} are needed.`}</strong>{" "}
        {result.passed && result.unlocked > stage && `Stage ${result.unlocked} is open now.`}
        {!result.passed && "Read the explanations, look at the lessons again, and try once more."}
      </p>
      <div class="row">
        {result.passed && <a class="button button-small button-primary" href="/">Go on <ArrowIcon /></a>}
        <button type="button" class="button button-small" onClick={onAgain}>Try again</button>
      </div>
    </Notice>
  );
}
