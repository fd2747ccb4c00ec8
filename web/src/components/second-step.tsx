import { useState } from "preact/hooks";
import { factors } from "../lib/factors";
import { Notice } from "./ui";

/** The code that follows a right password. */
export function SecondStep({ methods, onBack }: { methods: string[]; onBack: () => void }) {
  const [mailed, setMailed] = useState(false);
  const [code, setCode] = useState("");
  const [trust, setTrust] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setFailed(null);
    // Recovery codes have letters in them.
    const byMail = mailed && /^[\d\s]+$/.test(code);
    const done = await (byMail ? factors.verifyMailed(code, trust) : factors.verify(code.trim(), trust));
    setBusy(false);
    if (done.failed) {
      setFailed(done.failed.message);
      setCode("");
    }
  };
  const send = async () => {
    setBusy(true);
    const done = await factors.sendCode();
    setBusy(false);
    setMailed(!done.failed);
    setFailed(done.failed?.message ?? null);
  };
  const app = methods.includes("totp");
  return (
    <form onSubmit={(event) => void submit(event)} class="form">
      {failed && <Notice kind="bad">{failed}</Notice>}
      <p class="muted" aria-live="polite">
        {mailed
          ? "We mailed you a code of six digits. It is good for five minutes."
          : app
            ? "Open your authenticator app and type the six digits it shows for IntelliStack."
            : "A code is asked for that we mail to you."}{" "}
        A recovery code works too.
      </p>
      {methods.includes("otp") && (
        <button type="button" class="button button-block" disabled={busy} onClick={() => void send()}>
          {mailed ? "Mail me another code" : "Mail me a code"}
        </button>
      )}
      <label class="field">
        <span>Code</span>
        <input
          name="code" autocomplete="one-time-code" autocapitalize="none" spellcheck={false} required autofocus value={code}
          onInput={(event) => setCode(event.currentTarget.value)}
        />
      </label>
      <label class="check">
        <input type="checkbox" checked={trust} onChange={(event) => setTrust(event.currentTarget.checked)} />
        <span>Do not ask on this device for 30 days</span>
      </label>
      <button type="submit" class="button button-primary button-block" disabled={busy}>{busy ? "Checking…" : "Continue"}</button>
      <button type="button" class="button button-block" onClick={onBack}>Back to the password</button>
    </form>
  );
}
