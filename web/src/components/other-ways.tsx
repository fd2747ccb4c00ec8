import { useEffect, useState } from "preact/hooks";
import { type Provider, factors, passkeysWork } from "../lib/factors";

/** Ways to sign in without a password, as far as this server and this browser have them. */
export function OtherWays({ back, anew = false, onFailed }: { back: string; anew?: boolean; onFailed: (message: string) => void }) {
  const [providers, setProviders] = useState<Provider[]>([]);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    void factors.providers().then(({ data }) => data && setProviders(data));
  }, []);
  const run = async (way: () => Promise<{ message: string } | null>) => {
    setBusy(true);
    const failed = await way();
    setBusy(false);
    if (failed) onFailed(failed.message);
  };
  if (providers.length === 0 && !passkeysWork()) return null;
  return (
    <div class="other-ways" role="group" aria-label="Other ways to sign in">
      {providers.map(({ id, name }) => (
        <button key={id} type="button" class="button button-block" disabled={busy} onClick={() => void run(() => factors.signInBy(id, back, anew))}>
          Continue with {name}
        </button>
      ))}
      {passkeysWork() && (
        <button type="button" class="button button-block" disabled={busy} onClick={() => void run(async () => (await factors.signInByPasskey()).failed)}>
          Sign in with a passkey
        </button>
      )}
    </div>
  );
}
