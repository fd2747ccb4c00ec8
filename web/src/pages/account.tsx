import { useEffect, useState } from "preact/hooks";
import { DeletePanel, EmailPanel, PasswordPanel } from "../components/credentials";
import { AppsPanel } from "../components/apps";
import { LinkedPanel, PasskeysPanel, TwoFactorPanel } from "../components/security";
import { Shell } from "../components/shell";
import { LoadError, Notice, Spinner, useLoad, usePageTitle } from "../components/ui";
import { VerifyBanner } from "../components/verify-banner";
import { type SignIn, auth, refreshSession, session } from "../lib/auth";
import { providerError } from "../lib/factors";
import { ago, clockTime, deviceName } from "../lib/format";
import { useStore } from "../lib/use-store";

export function AccountPage() {
  usePageTitle("Account");
  const { user, current } = useStore(session);
  const { data, error, reload } = useLoad(() => auth.sessions(), `sessions ${current?.id ?? ""}`);
  const [failed, setFailed] = useState<string | null>(null);
  const [busy, setBusy] = useState<string | null>(null);
  useEffect(() => {
    if (data?.length === 0) void refreshSession();
  }, [data]);
  if (!user) return null;
  const run = async (what: string, change: () => Promise<{ message: string } | null>) => {
    setBusy(what);
    setFailed(null);
    const failure = await change();
    setBusy(null);
    if (failure) setFailed(failure.message);
    else reload();
  };
  const others = (data ?? []).filter((entry) => entry.id !== current?.id);
  return (
    <Shell>
      <VerifyBanner />
      <header class="page-head page-head-row">
        <div>
          <h1>{user.name}</h1>
          <p class="muted">{user.email} · {user.role}{user.emailVerified ? " · confirmed" : " · not confirmed"}</p>
        </div>
        <button type="button" class="button" onClick={() => void auth.signOut()}>Sign out</button>
      </header>
      <section class="panel" aria-labelledby="sessions-title">
        <div class="panel-head">
          <h2 id="sessions-title">Where you are signed in</h2>
          {others.length > 0 && (
            <button type="button" class="button button-small" disabled={busy !== null} onClick={() => void run("others", auth.revokeOthers)}>Sign out everywhere else</button>
          )}
        </div>
        {failed && <Notice kind="bad">{failed}</Notice>}
        {error && <LoadError error={error} reload={reload} />}
        {!data && !error && <Spinner label="Loading…" />}
        <ul class="sign-ins">
          {[...(data ?? [])].sort((a, b) => Number(b.id === current?.id) - Number(a.id === current?.id)).map((entry) => (
            <SignInRow
              key={entry.id} entry={entry} current={entry.id === current?.id} busy={busy !== null}
              onRevoke={() => void run(entry.id, () => auth.revoke(entry.token))}
            />
          ))}
        </ul>
      </section>
      <PasswordPanel />
      <TwoFactorPanel enabled={user.twoFactorEnabled === true} />
      <PasskeysPanel />
      <LinkedPanel error={providerError(location.search)} />
      <AppsPanel />
      <EmailPanel email={user.email} verified={user.emailVerified} />
      <DeletePanel />
    </Shell>
  );
}

function SignInRow({ entry, current, busy, onRevoke }: { entry: SignIn; current: boolean; busy: boolean; onRevoke: () => void }) {
  return (
    <li class="sign-in" data-session={entry.id}>
      <div>
        <p class="sign-in-device">{entry.clientName ?? deviceName(entry.userAgent)} {entry.clientId && <span class="tag">An app</span>} {current && <span class="tag">This window</span>}</p>
        <p class="muted small">
          {entry.ipAddress ? `${entry.ipAddress} · ` : ""}signed in {clockTime(entry.createdAt)} · seen {ago(entry.updatedAt)}
        </p>
      </div>
      {!current && <button type="button" class="button button-small" disabled={busy} onClick={onRevoke}>Sign out there</button>}
    </li>
  );
}
