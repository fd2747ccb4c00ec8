import { useState } from "preact/hooks";
import { asRefused } from "../../components/ui";
import { type App, apps } from "../../lib/apps";
import { clockTime } from "../../lib/format";
import { outcome } from "./acting";
import { AppForm } from "./app-form";
import { AppSecret } from "./app-secret";
import { Confirmed } from "./confirm";
import { Drawer } from "./drawer-frame";

/** One app: what it registered, its secret, and its end. */
export function AppDrawer({ app, admin, changed, close }: { app: App; admin: boolean; changed: (app: App) => void; close: () => void }) {
  const [fresh, setFresh] = useState<App | null>(null);
  const run = async (deed: () => Promise<App | void>, done: string) => {
    try {
      const answer = await deed();
      outcome.set({ words: done, audit: "" });
      if (answer) changed(answer);
      return answer;
    } catch (error) {
      outcome.set({ words: asRefused(error).message, audit: null });
      return null;
    }
  };
  const rotate = async () => {
    const answer = await run(() => apps.rotate(app.client_id), `${app.name} has another secret.`);
    if (answer) setFresh(answer);
  };
  const remove = async () => {
    const answer = await run(() => apps.remove(app.client_id), `${app.name} was removed.`);
    if (answer === null) return;
    changed(app);
    close();
  };
  const hasSecret = app.token_endpoint_auth_method.startsWith("client_secret");
  return (
    <Drawer label={`App ${app.name}`} title={app.name} close={close} about={{ "data-drawer": app.client_id }}>
      <dl class="facts">
        <div><dt>Client id</dt><dd><code>{app.client_id}</code></dd></div>
        <div><dt>Since</dt><dd>{clockTime(app.created_at)}</dd></div>
        <div><dt>Proves itself by</dt><dd>{app.token_endpoint_auth_method.replaceAll("_", " ")}</dd></div>
        <div><dt>Grants</dt><dd>{app.grant_types.map((grant) => grant.split(":").pop()).join(", ").replaceAll("_", " ")}</dd></div>
      </dl>
      <section aria-label="Fields">
        <h3>Fields</h3>
        <AppForm app={app} admin={admin} save={(edit) => apps.change(app.client_id, edit)} saved={(answer) => { outcome.set({ words: `${answer.name} was changed.`, audit: "" }); changed(answer); }} />
      </section>
      {hasSecret && (
        <section aria-label="Secret">
          <h3>Secret</h3>
          {fresh && <AppSecret app={fresh} close={() => setFresh(null)} />}
          <Confirmed label="Make another secret" question={`Give ${app.name} another secret? The old one stops at once.`} yes="Make it" run={rotate} />
        </section>
      )}
      <section aria-label="Standing">
        <h3>Standing</h3>
        {admin && (app.disabled ? (
          <button type="button" class="button button-small" onClick={() => void run(() => apps.change(app.client_id, { disabled: false }), `${app.name} is let in again.`)}>Let it in again</button>
        ) : (
          <Confirmed label="Shut it out" question={`Shut ${app.name} out, and end every sign-in with it?`} yes="Shut it out" run={() => run(() => apps.change(app.client_id, { disabled: true }), `${app.name} is shut out.`)} />
        ))}
        {!admin && app.disabled && <p class="muted">An admin has shut it out.</p>}
        <Confirmed label="Remove the app" question={`Remove ${app.name}, and end every sign-in with it? This cannot be undone.`} yes="Remove" run={remove} />
      </section>
    </Drawer>
  );
}
