import { useEffect, useState } from "preact/hooks";
import { AuthFrame } from "../components/auth-frame";
import { OtherWays } from "../components/other-ways";
import { SecondStep } from "../components/second-step";
import { Notice, usePageTitle } from "../components/ui";
import { type DemoAccount, api } from "../lib/api";
import { auth } from "../lib/auth";
import { providerError } from "../lib/factors";
import { withBack } from "../router";

/** Whoever comes back from a provider may have a second step before her; the address says so. */
function secondStepOf(): string[] | null {
  const search = new URLSearchParams(location.search);
  return search.has("twoFactorRedirect") ? (search.get("twoFactorMethods") ?? "totp").split(",") : null;
}

/** `anew`: she is signed in, and an app wants to know that it is still she. */
export function SignInPage({ back, anew }: { back: string; anew: boolean }) {
  usePageTitle("Sign in");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<string | null>(() => providerError(location.search));
  const [methods, setMethods] = useState<string[] | null>(secondStepOf);

  const signIn = async (withEmail: string, withPassword: string) => {
    setBusy(true);
    setFailed(null);
    const failure = await auth.signIn(withEmail.trim(), withPassword);
    setBusy(false);
    if (failure?.methods) setMethods(failure.methods);
    else if (failure) setFailed(failure.message);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (!busy) void signIn(email, password);
  };
  const fill = (account: DemoAccount) => {
    setEmail(account.email);
    setPassword(account.password);
  };

  if (methods) {
    return (
      <AuthFrame title="One more step">
        <SecondStep methods={methods} onBack={() => setMethods(null)} />
      </AuthFrame>
    );
  }
  return (
    <AuthFrame title={anew ? "Sign in again" : "Welcome back"} aside={!anew && <>New here? <a href={withBack("/sign-up", back)}>Create an account</a></>}>
      {anew && <p class="muted">You are signed in. The app that you are on your way to asks you to show once more that it is you.</p>}
      {failed && <Notice kind="bad">{failed}</Notice>}
      <form onSubmit={submit} class="form">
        <label class="field">
          <span>E-mail</span>
          <input name="email" type="email" autocomplete="username" required value={email} onInput={(event) => setEmail(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>Password</span>
          <input
            name="password" type="password" autocomplete="current-password" required value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="button button-primary button-block" disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
      </form>
      <p class="muted"><a href={withBack("/forgot", back)}>Forgotten your password?</a></p>
      <OtherWays back={back} anew={anew} onFailed={setFailed} />
      <DemoAccounts onPick={fill} />
    </AuthFrame>
  );
}

/** Demo servers listen on loopback alone and give their accounts away; other servers have none. */
function DemoAccounts({ onPick }: { onPick: (account: DemoAccount) => void }) {
  const [accounts, setAccounts] = useState<DemoAccount[]>([]);
  useEffect(() => {
    let current = true;
    api
      .config()
      .then((config) => (config.demo ? api.demoAccounts() : []))
      .then((found) => current && setAccounts(found), () => undefined);
    return () => {
      current = false;
    };
  }, []);
  if (accounts.length === 0) return null;
  return (
    <div class="demo-accounts">
      <p>Demo server: fill in an account</p>
      <div class="row">
        {accounts.map((account) => (
          <button key={account.email} type="button" class="button button-small" title={account.email} onClick={() => onPick(account)}>
            {account.role}
          </button>
        ))}
      </div>
    </div>
  );
}
