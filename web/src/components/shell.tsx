import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { isStaff, session } from "../lib/auth";
import { type Theme, chooseTheme, chosenTheme } from "../lib/theme";
import { useStore } from "../lib/use-store";
import { usePlace } from "../router";
import { ActingBanner } from "./acting-banner";
import { AutoIcon, MoonIcon, StackMark, SunIcon } from "./icons";

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const WORD: Record<Theme, string> = { system: "as the system", light: "light", dark: "dark" };

function ThemeToggle() {
  const [theme, setTheme] = useState<Theme>(chosenTheme());
  const change = () => {
    const next = NEXT[theme];
    chooseTheme(next);
    setTheme(next);
  };
  const icon = theme === "system" ? <AutoIcon /> : theme === "light" ? <SunIcon /> : <MoonIcon />;
  return (
    <button type="button" class="icon-button" onClick={change} aria-label={`Theme: ${WORD[theme]}. Change`} title={`Theme: ${WORD[theme]}`}>
      {icon}
    </button>
  );
}

function NavLink({ href, children }: { href: string; children: ComponentChildren }) {
  const { path } = usePlace();
  const current = href === "/" ? path === "/" || path.startsWith("/learn") || path.startsWith("/quiz") : path.startsWith(href);
  return (
    <a class="nav-link" href={href} aria-current={current ? "page" : undefined}>
      {children}
    </a>
  );
}

export function Shell({ children, wide = false }: { children: ComponentChildren; wide?: boolean }) {
  const user = useStore(session, (state) => state.user);
  return (
    <>
      <a class="skip-link" href="#content">
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href="/" aria-label="IntelliStack, home">
          <StackMark />
          <span class="brand-word">IntelliStack</span>
        </a>
        <nav class="top-nav" aria-label="Main">
          {user && <NavLink href="/">Courses</NavLink>}
          {user && <NavLink href="/threads">Chats</NavLink>}
          {isStaff(user) && <NavLink href="/admin">Admin</NavLink>}
        </nav>
        <div class="top-end">
          <ThemeToggle />
          {user ? (
            <a class="avatar" href="/account" title={`Account of ${user.name}`}>
              {initials(user.name || user.email)}
              <span class="sr-only">: account of {user.name}</span>
            </a>
          ) : (
            <a class="button button-small" href="/sign-in">
              Sign in
            </a>
          )}
        </div>
      </header>
      <ActingBanner />
      <main id="content" class={wide ? "content content-wide" : "content"} tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

function initials(name: string): string {
  const words = name.trim().split(/[\s._-]+/).filter(Boolean);
  return ((words[0]?.[0] ?? "?") + (words.length > 1 ? (words[words.length - 1]?.[0] ?? "") : "")).toUpperCase();
}
