import { Refused } from "../live/refused";

export interface LessonRef {
  id: string;
  title: string;
}

export interface Course {
  id: string;
  title: string;
  description: string;
  unlocked: number;
  lessons: (LessonRef & { stage: number })[];
  stages: { number: number; title: string; has_quiz: boolean }[];
}

export interface Block {
  id: string;
  kind: "heading" | "paragraph" | "code" | "list" | "quote" | "table";
  html: string;
}

export interface Lesson {
  id: string;
  course: string;
  title: string;
  stage: number;
  blocks: Block[];
  previous: LessonRef | null;
  next: LessonRef | null;
}

export interface Quiz {
  course: string;
  stage: number;
  questions: { id: string; prompt: string; options: string[] }[];
}

export interface QuizResult {
  passed: boolean;
  correct: number;
  total: number;
  needed: number;
  unlocked: number;
  results: Record<string, { correct: boolean; explanation: string }>;
}

export interface ThreadRow {
  id: string;
  title: string | null;
  /** Null when it was asked outside a lesson, from a terminal for instance. */
  course: string | null;
  lesson: string | null;
  lesson_title: string | null;
  created_at: string;
  updated_at: string;
}

export interface Overview {
  connected: number;
  streaming: number;
  users: number;
  messages_24h: number;
  turns: { queued: number; running: number; done: number; failed: number };
  node: string;
  uptime_s: number;
  version: string;
  tutor: { kind: string };
}

export interface Config {
  demo: boolean;
  tutor: { kind: string };
  version: string;
  password_policy: { min: number; kind: string };
}

export interface DemoAccount {
  email: string;
  password: string;
  role: string;
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method, headers: { accept: "application/json" }, credentials: "same-origin" };
  if (body !== undefined) {
    init.headers = { accept: "application/json", "content-type": "application/json" };
    init.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new Refused("offline", "The server cannot be reached. Check the connection and try again.");
  }
  if (response.status === 204) return undefined as T;
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok) return answer as T;
  const error = (answer as { error?: { code?: string; message?: string } } | null)?.error;
  const code = error?.code ?? (response.status === 401 ? "unauthorized" : "internal");
  throw new Refused(response.status === 401 ? "unauthorized" : code, error?.message ?? `The server answered ${response.status}.`);
}

const part = encodeURIComponent;

export const api = {
  config: () => call<Config>("GET", "/api/v1/config"),
  demoAccounts: () => call<DemoAccount[]>("GET", "/dev/accounts.json"),
  courses: async () => (await call<{ courses: Course[] }>("GET", "/api/v1/courses")).courses,
  lesson: (course: string, lesson: string) =>
    call<Lesson>("GET", `/api/v1/courses/${part(course)}/lessons/${part(lesson)}`),
  quiz: (course: string, stage: number) => call<Quiz>("GET", `/api/v1/courses/${part(course)}/stages/${stage}/quiz`),
  answerQuiz: (course: string, stage: number, answers: Record<string, number>) =>
    call<QuizResult>("POST", `/api/v1/courses/${part(course)}/stages/${stage}/quiz`, { answers }),
  threads: (query: { course?: string; lesson?: string; q?: string; before?: string }) => {
    const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
    return call<{ threads: ThreadRow[]; next?: string }>("GET", `/api/v1/threads?${search}`);
  },
  renameThread: (id: string, title: string) => call<ThreadRow>("PATCH", `/api/v1/threads/${part(id)}`, { title }),
  deleteThread: (id: string) => call<void>("DELETE", `/api/v1/threads/${part(id)}`),
  ticket: async () => (await call<{ ticket: string }>("POST", "/api/v1/live/ticket", {})).ticket,
  overview: () => call<Overview>("GET", "/api/v1/admin/overview"),
};
