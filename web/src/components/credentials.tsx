import { useState } from "preact/hooks";
import { type AuthFailure, auth } from "../lib/auth";
import { Panel } from "./security";
import { Notice } from "./ui";

/** What a form is at: its fields are disabled meanwhile, and its answer stays until the next try. */
function useDeed() {
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const [done, setDone] = useState<string | null>(null);
  const run = async (deed: () => Promise<AuthFailure | null>, words: string, then?: () => void) => {
    setBusy(true);
    setFailed(null);
    setDone(null);
    const failure = await deed();
    setBusy(false);
    if (failure) return setFailed(failure.message);
    setDone(words);
    then?.();
  };
  return { busy, failed, done, run };
}

function Secret({ label, name, autocomplete, value, onInput }: {
  label: string; name: string; autocomplete: string; value: string; onInput: (value: string) => void;
}) {
  return (
    <label class="field">
      <span>{label}</span>
      <input name={name} type="password" autocomplete={autocomplete} required value={value} onInput={(event) => onInput(event.currentTarget.value)} />
    </label>
  );
}

export function PasswordPanel() {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const { busy, failed, done, run } = useDeed();
  const submit = (event: Event) => {
    event.preventDefault();
    void run(() => auth.changePassword(current, next), "Your password is changed. Everywhere else you are signed out.", () => {
      setCurrent("");
      setNext("");
    });
  };
  return (
    <Panel id="password-title" title="Password" failed={failed}>
      {done && <Notice kind="good">{done}</Notice>}
      <form class="form" onSubmit={submit}>
        <Secret label="The password you have" name="current-password" autocomplete="current-password" value={current} onInput={setCurrent} />
        <Secret label="The new one" name="new-password" autocomplete="new-password" value={next} onInput={setNext} />
        <div class="row"><button type="submit" class="button" disabled={busy}>Change the password</button></div>
      </form>
    </Panel>
  );
}

export function EmailPanel({ email, verified }: { email: string; verified: boolean }) {
  const [next, setNext] = useState("");
  const [password, setPassword] = useState("");
  const { busy, failed, done, run } = useDeed();
  const words = verified
    ? `We sent a link to ${email}: open it first, then the one that we send to ${next}.`
    : `We sent a link to ${next}. Open it to move your account there.`;
  const submit = (event: Event) => {
    event.preventDefault();
    void run(() => auth.changeEmail(password, next.trim()), words, () => setPassword(""));
  };
  return (
    <Panel id="email-title" title="E-mail address" failed={failed}>
      <p class="muted">You sign in with {email}.</p>
      {done && <Notice kind="good">{done}</Notice>}
      <form class="form" onSubmit={submit}>
        <label class="field">
          <span>The new address</span>
          <input name="new-email" type="email" autocomplete="email" required value={next} onInput={(event) => setNext(event.currentTarget.value)} />
        </label>
        <Secret label="Your password, to be sure" name="email-password" autocomplete="current-password" value={password} onInput={setPassword} />
        <div class="row"><button type="submit" class="button" disabled={busy}>Change the address</button></div>
      </form>
    </Panel>
  );
}

export function DeletePanel() {
  const [password, setPassword] = useState("");
  const [sure, setSure] = useState(false);
  const { busy, failed, run } = useDeed();
  const submit = (event: Event) => {
    event.preventDefault();
    void run(() => auth.deleteAccount(password), "");
  };
  return (
    <Panel id="delete-title" title="Delete this account" failed={failed}>
      <p class="muted">Your conversations, your progress and your sign-ins go with it, at once and for good.</p>
      <form class="form" onSubmit={submit}>
        <Secret label="Your password, to delete" name="delete-password" autocomplete="current-password" value={password} onInput={setPassword} />
        <label class="check">
          <input type="checkbox" checked={sure} onChange={(event) => setSure(event.currentTarget.checked)} /> I want everything deleted
        </label>
        <div class="row"><button type="submit" class="button button-danger" disabled={busy || !sure}>Delete my account</button></div>
      </form>
    </Panel>
  );
}
