import { useEffect, useState } from "preact/hooks";
import { Store } from "./live/store";

export interface Place {
  path: string;
  search: string;
  hash: string;
}

function here(): Place {
  return { path: location.pathname, search: location.search, hash: location.hash };
}

export const place = new Store<Place>(here());
window.addEventListener("popstate", () => place.set(here()));

export function go(to: string, replace = false): void {
  // What the server itself shows, such as the way back to an app that somebody signs in for.
  if (to.startsWith("/api/")) {
    if (replace) location.replace(to);
    else location.assign(to);
    return;
  }
  const same = to === location.pathname + location.search + location.hash;
  if (replace || same) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  place.set(here());
}

export function usePlace(): Place {
  const [now, setNow] = useState(place.value);
  useEffect(() => {
    setNow(place.value);
    return place.watch(setNow);
  }, []);
  return now;
}

/** `/learn/:course/:lesson` against a path: the named parts, or null. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/");
  const given = path.replace(/\/+$/, "").split("/");
  if (wanted.length !== given.length) return null;
  const parts: Record<string, string> = {};
  for (const [index, name] of wanted.entries()) {
    const value = given[index] ?? "";
    if (name.startsWith(":")) {
      if (value === "") return null;
      try {
        parts[name.slice(1)] = decodeURIComponent(value);
      } catch {
        return null;
      }
    } else if (name !== value) return null;
  }
  return parts;
}

/** Where to go after the sign-in: a path of our own, never another site. */
export function nextPath(search: string): string {
  const query = new URLSearchParams(search);
  const next = query.get("next") ?? query.get("callbackURL") ?? "/";
  return next.startsWith("/") && !next.startsWith("//") && !next.includes("\\") ? next : "/";
}

/** A page that leads on to `back` in the end. */
export function withBack(page: string, back: string): string {
  return back === "/" ? page : `${page}?next=${encodeURIComponent(back)}`;
}

/**
 * Whether the sign-in page asks somebody who is signed in too: for an app that wants her to show anew who she
 * is, and for the second step of whoever comes back from a provider.
 */
export function asksAnew(search: string): boolean {
  const query = new URLSearchParams(search);
  return query.get("prompt") === "login" || query.has("twoFactorRedirect");
}

/** Plain clicks on our own links stay in the page; modified clicks do what the browser does. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element | null)?.closest?.("a");
  if (!link || link.target || link.origin !== location.origin || link.hasAttribute("download")) return;
  if (["/api", "/dev"].some((prefix) => link.pathname.startsWith(prefix))) return;
  event.preventDefault();
  go(link.pathname + link.search + link.hash);
}
