import { useEffect } from "preact/hooks";
import { AuthFrame } from "../components/auth-frame";
import { MailIcon } from "../components/icons";
import { usePageTitle } from "../components/ui";
import { ResendButton } from "../components/verify-banner";
import { auth, refreshSession, session } from "../lib/auth";
import { useStore } from "../lib/use-store";

/** The link may be opened in another window: this one looks again when it is seen, and now and then. */
const LOOK_AGAIN = 5_000;

export function CheckMailPage() {
  usePageTitle("Check your mail");
  const user = useStore(session, (state) => state.user);
  useEffect(() => {
    const look = () => {
      if (document.visibilityState === "visible") void refreshSession();
    };
    const timer = window.setInterval(look, LOOK_AGAIN);
    document.addEventListener("visibilitychange", look);
    return () => {
      window.clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
  if (!user) return null;
  return (
    <AuthFrame title="Check your mail">
      <div class="mail-mark"><MailIcon /></div>
      <p>
        We sent a link to <strong>{user.email}</strong>. Open it to confirm the address; this page goes on by itself.
      </p>
      <p class="muted">You can look at the list of courses meanwhile. Lessons and the tutor open once the address is confirmed.</p>
      <div class="row">
        <ResendButton email={user.email} />
        <a class="button button-small" href="/">See the courses</a>
        <button type="button" class="quiet-button" onClick={() => void auth.signOut()}>Use another account</button>
      </div>
    </AuthFrame>
  );
}
