import { useState } from "preact/hooks";
import { AuthFrame } from "../components/auth-frame";
import { Notice, usePageTitle } from "../components/ui";
import { auth } from "../lib/auth";
import { STRENGTH_WORDS, passwordRules, passwordStrength } from "../lib/password";
import { go, withBack } from "../router";

/** `back`: where she was going; `after`: where she goes first, with an account. */
export function SignUpPage({ back, after }: { back: string; after: string }) {
  usePageTitle("Sign up");
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [shown, setShown] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const rules = passwordRules(password);
  const ready = name.trim() !== "" && email.includes("@") && rules.every((rule) => rule.met);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (!ready || busy) return;
    setBusy(true);
    setFailed(null);
    const failure = await auth.signUp(name.trim(), email.trim(), password);
    setBusy(false);
    if (failure) setFailed(failure.message);
    else go(after, true);
  };

  return (
    <AuthFrame title="Create your account" aside={<>Already have one? <a href={withBack("/sign-in", back)}>Sign in</a></>}>
      {failed && <Notice kind="bad">{failed}</Notice>}
      <form onSubmit={(event) => void submit(event)} class="form">
        <label class="field">
          <span>Name</span>
          <input name="name" autocomplete="name" required value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>E-mail</span>
          <input name="email" type="email" autocomplete="email" required value={email} onInput={(event) => setEmail(event.currentTarget.value)} />
        </label>
        <div class="field">
          <label for="new-password">Password</label>
          <div class="with-button">
            <input
              {...(shown ? { type: "text" as const } : { type: "password" as const })} id="new-password" name="password"
              autocomplete="new-password" required aria-describedby="password-rules" value={password}
              onInput={(event: Event) => setPassword((event.currentTarget as HTMLInputElement).value)}
            />
            <button type="button" class="quiet-button" aria-pressed={shown} onClick={() => setShown(!shown)}>
              {shown ? "Hide" : "Show"}
            </button>
          </div>
          <Strength password={password} />
        </div>
        <button type="submit" class="button button-primary button-block" disabled={!ready || busy}>
          {busy ? "Creating…" : "Create account"}
        </button>
      </form>
    </AuthFrame>
  );
}

function Strength({ password }: { password: string }) {
  const strength = passwordStrength(password);
  return (
    <div class="strength" id="password-rules">
      <div class={`strength-bar strength-${strength}`} role="img" aria-label={strength === 0 ? "Password strength: none yet" : `Password strength: ${STRENGTH_WORDS[strength]}`}>
        <span /><span /><span /><span />
      </div>
      <p class="strength-word" aria-live="polite">{STRENGTH_WORDS[strength]}</p>
      <ul class="rules">
        {passwordRules(password).map((rule) => (
          <li key={rule.label} class={rule.met ? "met" : ""}>
            <span aria-hidden="true">{rule.met ? "✓" : "·"}</span> {rule.label}
            <span class="sr-only">{rule.met ? " (met)" : " (missing)"}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
