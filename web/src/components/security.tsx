import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { refreshSession } from "../lib/auth";
import { type Enrolled, type LinkedAccount, type Passkey, type Provider, factors, passkeysWork } from "../lib/factors";
import { clockTime } from "../lib/format";
import { QrPicture } from "./qr-picture";
import { Notice } from "./ui";

export function Panel({ id, title, failed, children }: { id: string; title: string; failed: string | null; children: ComponentChildren }) {
  return (
    <section class="panel" aria-labelledby={id}>
      <div class="panel-head"><h2 id={id}>{title}</h2></div>
      {failed && <Notice kind="bad">{failed}</Notice>}
      {children}
    </section>
  );
}

/** An authenticator app, or codes by mail: set up, recovery codes, taken away. */
export function TwoFactorPanel({ enabled }: { enabled: boolean }) {
  const [password, setPassword] = useState("");
  const [enrolled, setEnrolled] = useState<Enrolled | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const run = async <T,>(call: Promise<{ data: T | null; failed: { message: string } | null }>, then: (data: T) => void) => {
    setBusy(true);
    setFailed(null);
    const done = await call;
    setBusy(false);
    setPassword("");
    if (done.failed) setFailed(done.failed.message);
    else then(done.data as T);
  };
  const secret = enrolled ? (new URL(enrolled.totpURI).searchParams.get("secret") ?? "") : "";
  const confirm = (event: Event) => {
    event.preventDefault();
    void run(factors.verify(code, false), () => {
      setEnrolled(null);
      setCode("");
    });
  };
  return (
    <Panel id="two-factor-title" title="Authenticator app" failed={failed}>
      <p class="muted">
        {enabled
          ? "After your password you are asked for a second step: a code of your authenticator app, or one that is mailed to you."
          : "A second step after your password: a code that only your phone knows. Where you have no such app, a code can be mailed to you."}
      </p>
      {enrolled && !enabled && (
        <form class="form" onSubmit={confirm}>
          <p>
            Scan this with your authenticator app, or <a href={enrolled.totpURI}>open it in an app on this device</a>:
          </p>
          <QrPicture text={enrolled.totpURI} label="QR code for your authenticator app. The key stands below as text." />
          <p>Or type this key there (time-based):</p>
          <code class="secret-key" data-testid="totp-secret">{secret.match(/.{1,4}/g)?.join(" ")}</code>
          <label class="field">
            <span>The six digits that it shows</span>
            <input name="code" inputMode="numeric" autocomplete="one-time-code" required value={code} onInput={(event) => setCode(event.currentTarget.value)} />
          </label>
          <button type="submit" class="button button-primary" disabled={busy}>Turn on</button>
        </form>
      )}
      {codes && (
        <Notice kind="warn">
          <p>Keep these recovery codes where you find them without your phone. Each works once; they are not shown again.</p>
          <pre class="recovery-codes">{codes.join("\n")}</pre>
          <button type="button" class="button button-small" onClick={() => setCodes(null)}>I have kept them</button>
        </Notice>
      )}
      {!enrolled && (
        <form class="form" onSubmit={(event) => event.preventDefault()}>
          <label class="field">
            <span>Your password</span>
            <input name="password" type="password" autocomplete="current-password" value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
          </label>
          <div class="row">
            {enabled ? (
              <>
                <button type="button" class="button" disabled={busy} onClick={() => void run(factors.newCodes(password), (data) => setCodes(data.backupCodes))}>New recovery codes</button>
                <button type="button" class="button" disabled={busy} onClick={() => void run(factors.disable(password), () => setCodes(null))}>Turn off</button>
              </>
            ) : (
              <button
                type="submit" class="button" disabled={busy}
                onClick={() => void run(factors.enable(password), (data) => {
                  setEnrolled(data);
                  setCodes(data.backupCodes);
                })}
              >
                Set up
              </button>
            )}
            {!enabled && (
              <button type="button" class="button" disabled={busy} onClick={() => void run(factors.enableMail(password), () => undefined)}>
                Mail me codes instead
              </button>
            )}
          </div>
        </form>
      )}
    </Panel>
  );
}

export function PasskeysPanel() {
  const [keys, setKeys] = useState<Passkey[]>([]);
  const [name, setName] = useState("");
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const load = async () => {
    const { data } = await factors.passkeys();
    if (data) setKeys(data);
  };
  useEffect(() => void load(), []);
  const run = async (call: Promise<{ failed: { message: string } | null }>) => {
    setBusy(true);
    setFailed(null);
    const done = await call;
    setBusy(false);
    if (done.failed) setFailed(done.failed.message);
    else setName("");
    await load();
  };
  return (
    <Panel id="passkeys-title" title="Passkeys" failed={failed}>
      <p class="muted">Sign in with your fingerprint, your face or your device's PIN, without a password.</p>
      <ul class="sign-ins">
        {keys.map((key) => (
          <li key={key.id} class="sign-in" data-passkey={key.id}>
            <div>
              <p class="sign-in-device">{key.name ?? "Passkey"}</p>
              <p class="muted small">added {clockTime(key.createdAt)}{key.deviceType === "multiDevice" ? " · on several devices" : ""}</p>
            </div>
            <button type="button" class="button button-small" disabled={busy} onClick={() => void run(factors.deletePasskey(key.id))}>Remove</button>
          </li>
        ))}
      </ul>
      {passkeysWork() ? (
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            void run(factors.addPasskey(name.trim() || "This device"));
          }}
        >
          <label class="field">
            <span>Name of this device</span>
            <input name="passkey-name" maxLength={100} placeholder="This device" value={name} onInput={(event) => setName(event.currentTarget.value)} />
          </label>
          <div class="row"><button type="submit" class="button" disabled={busy}>Add a passkey</button></div>
        </form>
      ) : (
        <p class="muted small">This browser has no passkeys at this address.</p>
      )}
    </Panel>
  );
}

/** Accounts elsewhere that sign in here; nothing where no provider is offered. */
export function LinkedPanel({ error }: { error: string | null }) {
  const [providers, setProviders] = useState<Provider[]>([]);
  const [linked, setLinked] = useState<LinkedAccount[]>([]);
  const [failed, setFailed] = useState<string | null>(error);
  const load = async () => {
    const [offered, mine] = await Promise.all([factors.providers(), factors.linked()]);
    if (offered.data) setProviders(offered.data);
    if (mine.data) setLinked(mine.data.filter((account) => account.providerId !== "credential"));
  };
  useEffect(() => void load(), []);
  if (providers.length === 0 && linked.length === 0) return null;
  const title = (id: string) => providers.find((provider) => provider.id === id)?.name ?? id;
  const unlink = async (account: LinkedAccount) => {
    const done = await factors.unlink(account);
    setFailed(done.failed?.message ?? null);
    await Promise.all([load(), refreshSession()]);
  };
  const link = async (provider: Provider) => setFailed((await factors.link(provider.id))?.message ?? null);
  return (
    <Panel id="linked-title" title="Linked accounts" failed={failed}>
      <ul class="sign-ins">
        {linked.map((account) => (
          <li key={account.id} class="sign-in">
            <div>
              <p class="sign-in-device">{title(account.providerId)}</p>
              <p class="muted small">linked {clockTime(account.createdAt)}</p>
            </div>
            <button type="button" class="button button-small" onClick={() => void unlink(account)}>Unlink</button>
          </li>
        ))}
      </ul>
      <div class="row">
        {providers.filter(({ id }) => !linked.some((account) => account.providerId === id)).map((provider) => (
          <button key={provider.id} type="button" class="button" onClick={() => void link(provider)}>Link {provider.name}</button>
        ))}
      </div>
    </Panel>
  );
}
