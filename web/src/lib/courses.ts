import { Refused } from "../live/refused";
import { Store } from "../live/store";
import { type Course, api } from "./api";
import { session } from "./auth";

/** The course list, shared by the pages: titles for threads, the lessons beside a lesson. */
export const courses = new Store<{ list: Course[] | null; error: Refused | null }>({ list: null, error: null });

export async function loadCourses(): Promise<void> {
  try {
    courses.set({ list: await api.courses(), error: null });
  } catch (error) {
    courses.set({ list: courses.value.list, error: error instanceof Refused ? error : new Refused("internal", String(error)) });
  }
}

let owner = session.value.user?.id ?? null;
session.watch(({ user }) => {
  if (owner !== null && owner !== user?.id) courses.set({ list: null, error: null });
  owner = user?.id ?? null;
});
