import { Shell } from "../components/shell";
import { Notice, usePageTitle } from "../components/ui";
import { usePlace } from "../router";

export function LandingPage() {
  usePageTitle("");
  const query = new URLSearchParams(usePlace().search);
  return (
    <Shell wide>
      {query.has("error") && <Notice kind="bad">That link is not valid any more. Sign in and ask for a new one.</Notice>}
      {query.has("verified") && !query.has("error") && <Notice kind="good">Your e-mail is confirmed. Sign in to go on.</Notice>}
      <section class="hero">
        <div class="hero-words">
          <h1>A tutor that asks before it tells.</h1>
          <p>
            Read a lesson, mark the sentence that puzzles you, and talk it through. The tutor knows only what you have
            unlocked, shows where it read it, and helps you find the answer yourself.
          </p>
          <div class="row">
            <a class="button button-primary" href="/sign-up">Create an account</a>
            <a class="button" href="/sign-in">Sign in</a>
          </div>
        </div>
        <div class="hero-picture" aria-hidden="true">
          <div class="hero-page">
            <p>A clock that runs fast by one part in a million gains a second about every eleven days.</p>
            <p>
              <mark>Two machines that never talk cannot agree on which of two events came first.</mark> They need a
              message between them.
            </p>
          </div>
          <div class="hero-chat">
            <p class="hero-you">Why does it take a message?</p>
            <p class="hero-tutor">
              What would each of them have to know about the other’s clock? Look again at the lines you
              marked.<span class="cite">1</span>
            </p>
          </div>
        </div>
      </section>
    </Shell>
  );
}
