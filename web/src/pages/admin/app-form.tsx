import { useState } from "preact/hooks";
import { asRefused } from "../../components/ui";
import type { App, AppEdit } from "../../lib/apps";

const KINDS = {
  server: { title: "A web app with a server of its own (it gets a secret)", application_type: "web", token_endpoint_auth_method: "client_secret_basic" },
  browser: { title: "A page in the browser, without a server", application_type: "web", token_endpoint_auth_method: "none" },
  device: { title: "An app on the person's device", application_type: "native", token_endpoint_auth_method: "none" },
} as const;

const SCOPES: [string, string][] = [
  ["openid", "sign people in"],
  ["profile", "their name"],
  ["email", "their e-mail address"],
  ["offline_access", "stay signed in while they are away"],
  ["tutor", "lessons, chats and the tutor in their name"],
];
const STAFF: [string, string] = ["admin", "what staff may do, for those who are staff"];

const lines = (text: string) => text.split(/\s+/).filter((line) => line !== "");

/** An app's main fields: for a new one (`app` is null), or to change one. */
export function AppForm({ app, admin, save, saved, cancel }: {
  app: App | null; admin: boolean; save: (edit: AppEdit) => Promise<App>; saved: (app: App) => void; cancel?: () => void;
}) {
  const [form, setForm] = useState({
    name: app?.name ?? "",
    uri: app?.client_uri ?? "",
    kind: "server" as keyof typeof KINDS,
    redirects: app?.redirect_uris.join("\n") ?? "",
    signedOut: app?.post_logout_redirect_uris?.join("\n") ?? "",
    scope: app?.scope.split(" ") ?? SCOPES.map(([name]) => name),
    verified: app?.verified ?? true,
    skipConsent: app?.skip_consent ?? false,
  });
  const [state, setState] = useState<{ busy: boolean; failed: string | null }>({ busy: false, failed: null });
  const set = (change: Partial<typeof form>) => setForm({ ...form, ...change });
  const submit = async (event: Event) => {
    event.preventDefault();
    setState({ busy: true, failed: null });
    const { title: _, ...kind } = KINDS[form.kind];
    const edit: AppEdit = {
      client_name: form.name.trim(),
      client_uri: form.uri.trim() || null,
      redirect_uris: lines(form.redirects),
      post_logout_redirect_uris: lines(form.signedOut),
      scope: form.scope.join(" "),
      ...(app ? {} : { ...kind, grant_types: ["authorization_code", "refresh_token"] }),
      ...(admin && { verified: form.verified, skip_consent: form.skipConsent }),
    };
    try {
      const answer = await save(edit);
      setState({ busy: false, failed: null });
      saved(answer);
    } catch (error) {
      setState({ busy: false, failed: asRefused(error).message });
    }
  };
  const label = app ? `Fields of ${app.name}` : "New app";
  return (
    <form class={app ? "form" : "form new-person"} aria-label={label} onSubmit={(event) => void submit(event)}>
      <label class="field"><span>Name</span><input required maxLength={200} value={form.name} onInput={(event) => set({ name: event.currentTarget.value })} /></label>
      {!app && (
        <label class="field">
          <span>Kind</span>
          <select class="select" value={form.kind} onChange={(event) => set({ kind: event.currentTarget.value as keyof typeof KINDS })}>
            {Object.entries(KINDS).map(([id, { title }]) => <option key={id} value={id}>{title}</option>)}
          </select>
        </label>
      )}
      <label class="field">
        <span>Redirect addresses, one a line</span>
        <textarea required={!app || app.redirect_uris.length > 0} rows={3} spellcheck={false} placeholder="https://app.example/callback" value={form.redirects} onInput={(event) => set({ redirects: event.currentTarget.value })} />
      </label>
      <label class="field">
        <span>Addresses after sign-out, one a line</span>
        <textarea rows={2} spellcheck={false} value={form.signedOut} onInput={(event) => set({ signedOut: event.currentTarget.value })} />
      </label>
      <label class="field"><span>Its own page</span><input type="url" placeholder="https://app.example" value={form.uri} onInput={(event) => set({ uri: event.currentTarget.value })} /></label>
      <fieldset class="field scopes">
        <legend>What it may ask people for</legend>
        {(admin || form.scope.includes("admin") ? [...SCOPES, STAFF] : SCOPES).map(([name, words]) => (
          <label key={name} class="check">
            <input type="checkbox" checked={form.scope.includes(name)} onChange={(event) => set({ scope: event.currentTarget.checked ? [...form.scope, name] : form.scope.filter((other) => other !== name) })} />
            <span><code>{name}</code> {words}</span>
          </label>
        ))}
      </fieldset>
      {admin && (
        <>
          <label class="check"><input type="checkbox" checked={form.verified} onChange={(event) => set({ verified: event.currentTarget.checked })} /> I know who runs it (of others people are warned)</label>
          <label class="check"><input type="checkbox" checked={form.skipConsent} onChange={(event) => set({ skipConsent: event.currentTarget.checked })} /> The school's own: nobody is asked whether she trusts it</label>
        </>
      )}
      {state.failed && <p class="form-error" role="alert">{state.failed}</p>}
      <div class="row">
        <button type="submit" class="button button-primary" disabled={state.busy || form.scope.length === 0}>{app ? "Save" : "Register the app"}</button>
        {cancel && <button type="button" class="quiet-button" onClick={cancel}>Cancel</button>}
      </div>
    </form>
  );
}
