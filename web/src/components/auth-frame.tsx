import type { ComponentChildren } from "preact";
import { Shell } from "./shell";

/** The card that sign-in, sign-up and check-mail share. */
export function AuthFrame({ title, aside, children }: { title: string; aside?: ComponentChildren; children: ComponentChildren }) {
  return (
    <Shell>
      <section class="auth-card">
        <h1>{title}</h1>
        {children}
        {aside && <p class="auth-aside">{aside}</p>}
      </section>
    </Shell>
  );
}
