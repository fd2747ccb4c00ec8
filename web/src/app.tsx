import type { ComponentChildren, ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Shell } from "./components/shell";
import { Spinner, usePageTitle } from "./components/ui";
import { isStaff, session } from "./lib/auth";
import { useStore } from "./lib/use-store";
import { CheckMailPage } from "./pages/check-mail";
import { CoursesPage } from "./pages/courses";
import { ForgotPage } from "./pages/forgot";
import { LandingPage } from "./pages/landing";
import { SignInPage } from "./pages/sign-in";
import { SignUpPage } from "./pages/sign-up";
import { asksAnew, go, match, nextPath, usePlace } from "./router";

/** Pages beyond the first route come when they are visited. */
function lazy<P extends object>(load: () => Promise<ComponentType<P>>) {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [Page, setPage] = useState<ComponentType<P> | null>(() => loaded);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (loaded) return;
      load().then(
        (page) => {
          loaded = page;
          setPage(() => page);
        },
        () => setFailed(true),
      );
    }, []);
    if (Page) return <Page {...props} />;
    if (failed) return <Shell><p>This page could not be loaded. Reload it.</p></Shell>;
    return <Shell><Spinner label="Loading…" /></Shell>;
  };
}

const LessonPage = lazy<{ course: string; lesson: string }>(() => import("./pages/lesson").then((page) => page.LessonPage));
const QuizPage = lazy<{ course: string; stage: string }>(() => import("./pages/quiz").then((page) => page.QuizPage));
const ThreadsPage = lazy<object>(() => import("./pages/threads").then((page) => page.ThreadsPage));
const AccountPage = lazy<object>(() => import("./pages/account").then((page) => page.AccountPage));
const AdminPage = lazy<object>(() => import("./pages/admin/page").then((page) => page.AdminPage));

function Redirect({ to }: { to: string }) {
  useEffect(() => go(to, true), [to]);
  return null;
}

/**
 * Whoever is signed in goes on at once, unless the address says that she must show anew who she is: then only
 * a sign-in that began since she came here will do.
 */
function SignIn({ search }: { search: string }) {
  const { user, current } = useStore(session);
  const before = useRef(current?.id);
  const [back, anew] = [nextPath(search), asksAnew(search)];
  const done = user !== null && (!anew || current?.id !== before.current);
  return done ? <Redirect to={back} /> : <SignInPage back={back} anew={anew && user !== null} />;
}

function NotFound({ title, children }: { title: string; children: ComponentChildren }) {
  usePageTitle(title);
  return (
    <Shell>
      <section class="narrow">
        <h1>{title}</h1>
        <p>{children}</p>
        <a class="button" href="/">Go to the courses</a>
      </section>
    </Shell>
  );
}

export function App() {
  const { path, search } = usePlace();
  const { pending, user } = useStore(session);
  const seen = useRef(path);
  useEffect(() => {
    if (seen.current === path) return;
    seen.current = path;
    // As after a page load: from the top, and screen readers begin at the new content.
    if (!location.hash) window.scrollTo(0, 0);
    document.getElementById("content")?.focus({ preventScroll: true });
  }, [path]);

  if (pending) return <Shell><Spinner label="Loading…" /></Shell>;
  if (path === "/sign-in") return <SignIn search={search} />;
  if (path === "/sign-up") {
    const back = nextPath(search);
    const after = back !== "/" ? back : user?.emailVerified ? "/" : "/check-mail";
    return user ? <Redirect to={after} /> : <SignUpPage back={back} after={after} />;
  }
  if (path === "/forgot") {
    const back = nextPath(search);
    return user && back === "/" ? <Redirect to="/account" /> : <ForgotPage back={back} />;
  }
  if (path === "/") return user ? <CoursesPage /> : <LandingPage />;

  const lesson = match("/learn/:course/:lesson", path);
  const quiz = match("/quiz/:course/:stage", path);
  const known = lesson || quiz || ["/threads", "/account", "/admin", "/check-mail"].includes(path);
  if (!known) return <NotFound title="Nothing here">There is no page at this address.</NotFound>;
  if (!user) return <Redirect to={`/sign-in?next=${encodeURIComponent(path + location.hash)}`} />;
  if (lesson) return <LessonPage course={lesson["course"] ?? ""} lesson={lesson["lesson"] ?? ""} />;
  if (quiz) return <QuizPage course={quiz["course"] ?? ""} stage={quiz["stage"] ?? ""} />;
  if (path === "/threads") return <ThreadsPage />;
  if (path === "/account") return <AccountPage />;
  if (path === "/check-mail") return user.emailVerified ? <Redirect to="/" /> : <CheckMailPage />;
  if (isStaff(user)) return <AdminPage />;
  return <NotFound title="For staff">This page is for instructors and administrators.</NotFound>;
}
