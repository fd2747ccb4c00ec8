import { useState } from "preact/hooks";
import { Notice } from "../../components/ui";
import type { App } from "../../lib/apps";

/** What an app's developer needs; its secret is shown this once. */
export function AppSecret({ app, close }: { app: App; close: () => void }) {
  return (
    <Notice kind="good" onClose={close}>
      <p>{app.client_secret ? <>Give these to <b>{app.name}</b> now. The secret is shown this once.</> : <><b>{app.name}</b> has no secret: it proves itself with PKCE, or with a key of its own.</>}</p>
      <Value name="Client id" value={app.client_id} about="client-id" />
      {app.client_secret && <Value name="Client secret" value={app.client_secret} about="client-secret" />}
      <Value name="Discovery" value={`${location.origin}/api/auth/.well-known/openid-configuration`} about="discovery" />
    </Notice>
  );
}

function Value({ name, value, about }: { name: string; value: string; about: string }) {
  const [said, setSaid] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
      setSaid("Copied.");
    } catch {
      setSaid("The browser does not let us copy: select it.");
    }
  };
  return (
    <p class="value">
      <span class="value-name">{name}</span>
      <code data-value={about}>{value}</code>
      <button type="button" class="button button-small" aria-label={`Copy the ${name.toLowerCase()}`} onClick={() => void copy()}>Copy</button>
      <span class="muted small" role="status">{said}</span>
    </p>
  );
}
