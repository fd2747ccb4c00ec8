import { useState } from "preact/hooks";
import { auth, session } from "../lib/auth";
import { useStore } from "../lib/use-store";
import { Notice } from "./ui";

/** Sends the verification mail again and says what came of it. */
export function ResendButton({ email }: { email: string }) {
  const [state, setState] = useState<{ busy: boolean; said: string | null }>({ busy: false, said: null });
  const resend = async () => {
    setState({ busy: true, said: null });
    const failed = await auth.resend(email);
    setState({ busy: false, said: failed ? failed.message : "Sent. It can take a minute to arrive." });
  };
  return (
    <>
      <button type="button" class="button button-small" onClick={() => void resend()} disabled={state.busy}>
        {state.busy ? "Sending…" : "Send the mail again"}
      </button>
      <span class="said" role="status">
        {state.said}
      </span>
    </>
  );
}

export function VerifyBanner() {
  const user = useStore(session, (state) => state.user);
  if (!user || user.emailVerified) return null;
  return (
    <Notice kind="warn">
      <p>
        <strong>Confirm your e-mail to open lessons and the tutor.</strong> We sent a link to {user.email}.
      </p>
      <div class="row">
        <ResendButton email={user.email} />
      </div>
    </Notice>
  );
}
