import { useState } from "preact/hooks";
import { AuthFrame } from "../components/auth-frame";
import { MailIcon } from "../components/icons";
import { Notice, usePageTitle } from "../components/ui";
import { auth } from "../lib/auth";
import { withBack } from "../router";

/** The answer is the same whether the address has an account or not. */
export function ForgotPage({ back }: { back: string }) {
  usePageTitle("Forgotten password");
  const [email, setEmail] = useState("");
  const [busy, setBusy] = useState(false);
  const [sent, setSent] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setFailed(null);
    const failure = await auth.forgot(email.trim(), back);
    setBusy(false);
    if (failure) setFailed(failure.message);
    else setSent(true);
  };
  const signIn = <a href={withBack("/sign-in", back)}>Back to signing in</a>;
  if (sent) {
    return (
      <AuthFrame title="Check your mail">
        <div class="mail-mark"><MailIcon /></div>
        <p>If <strong>{email}</strong> has an account here, a link to choose a new password is on its way. It is good for an hour.</p>
        <p>{signIn}</p>
      </AuthFrame>
    );
  }
  return (
    <AuthFrame title="Forgotten password" aside={signIn}>
      {failed && <Notice kind="bad">{failed}</Notice>}
      <form class="form" onSubmit={(event) => void submit(event)}>
        <label class="field">
          <span>E-mail</span>
          <input name="email" type="email" autocomplete="username" required value={email} onInput={(event) => setEmail(event.currentTarget.value)} />
        </label>
        <button type="submit" class="button button-primary button-block" disabled={busy}>Mail me a link</button>
      </form>
    </AuthFrame>
  );
}
