import { useEffect, useState } from "preact/hooks";
import { LoadError, Spinner, asRefused, useLoad } from "../../components/ui";
import { type App, apps } from "../../lib/apps";
import { clockTime } from "../../lib/format";
import { outcome } from "./acting";
import { AppDrawer } from "./app-drawer";
import { AppForm } from "./app-form";
import { AppSecret } from "./app-secret";
import { type Column, LiveTable } from "./table";

/** The list is asked for when the typing rests so long. */
const REST = 250;

/** Apps that people sign in to with their account here: all for admins, their own for instructors. */
export function Apps({ admin }: { admin: boolean }) {
  const [typed, setTyped] = useState("");
  const [search, setSearch] = useState("");
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<App | null>(null);
  const [open, setOpen] = useState<App | null>(null);
  const { data, error, reload } = useLoad(() => apps.list(search), search);
  const [more, setMore] = useState<{ clients: App[]; next: string | undefined; failed: string | null } | null>(null);
  useEffect(() => setMore(null), [data]);
  useEffect(() => {
    const timer = window.setTimeout(() => setSearch(typed.trim()), REST);
    return () => window.clearTimeout(timer);
  }, [typed]);
  const next = more ? more.next : data?.next;
  const older = async () => {
    const clients = more?.clients ?? [];
    try {
      const page = await apps.list(search, next);
      setMore({ clients: [...clients, ...page.clients], next: page.next, failed: null });
    } catch (failure) {
      setMore({ clients, next, failed: asRefused(failure).message });
    }
  };
  const create = (app: App) => {
    setMaking(false);
    setMade(app);
    outcome.set({ words: `${app.name} is registered.`, audit: "" });
    reload();
  };
  return (
    <>
      <div class="panel-head">
        <h2>Apps</h2>
        <label class="search">
          <span class="sr-only">Search apps</span>
          <input type="search" placeholder="Name, or whole client id" maxLength={200} value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
        </label>
      </div>
      <p class="muted small">People sign in to these with their account here (OpenID Connect).{admin ? "" : " You see your own."}</p>
      {making
        ? <AppForm app={null} admin={admin} save={apps.create} saved={create} cancel={() => setMaking(false)} />
        : <button type="button" class="button button-small new-person-open" onClick={() => { setMade(null); setMaking(true); }}>New app</button>}
      {made && <AppSecret app={made} close={() => setMade(null)} />}
      {error && <LoadError error={error} reload={reload} />}
      {!data && !error && <Spinner label="Loading the apps…" />}
      {data && (
        <LiveTable label="Apps" columns={columns(setOpen)} rows={[...data.clients, ...(more?.clients ?? [])]} id={(row) => row.client_id} about={(row) => ({ "data-app": row.client_id })} empty={search ? "No app matches." : "No app yet."} />
      )}
      {more?.failed && <p class="form-error" role="alert">{more.failed}</p>}
      {next && <div class="row pages"><button type="button" class="button button-small" onClick={() => void older()}>Older apps</button></div>}
      {open && <AppDrawer key={open.client_id} app={open} admin={admin} changed={(app) => { setOpen(app); reload(); }} close={() => setOpen(null)} />}
    </>
  );
}

function columns(open: (app: App) => void): Column<App>[] {
  return [
    { title: "Name", class: "where", cell: (row) => <button type="button" class="link-button" onClick={() => open(row)}>{row.name}</button> },
    { title: "Client id", class: "where", cell: (row) => <code>{row.client_id}</code> },
    { title: "Kind", cell: (row) => kindName(row) },
    { title: "State", cell: (row) => row.disabled ? <span class="tag tag-bad">shut out</span> : row.verified === false ? <span class="tag">unverified</span> : <span class="tag">active</span> },
    { title: "Since", class: "muted", cell: (row) => clockTime(row.created_at) },
  ];
}

function kindName(app: App): string {
  if (app.application_type === "native") return "on a device";
  return app.token_endpoint_auth_method === "none" ? "in the browser" : "with a server";
}
