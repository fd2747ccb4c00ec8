import { useEffect, useState } from "preact/hooks";
import { LoadError, Spinner, useLoad } from "../../components/ui";
import { type Person, admin } from "../../lib/admin";
import { clockTime, plural } from "../../lib/format";
import { NewPerson } from "./new-person";
import { PersonDrawer } from "./person";
import { type Column, LiveTable } from "./table";

const PAGE = 50;
/** The list is asked for when the typing rests so long. */
const REST = 250;
export const ROLES = ["student", "instructor", "admin"] as const;

/** Everybody with an account, for admins; a row opens what may be done about it. */
export function People() {
  const [typed, setTyped] = useState("");
  const [search, setSearch] = useState("");
  const [role, setRole] = useState("");
  const [offset, setOffset] = useState(0);
  const [open, setOpen] = useState<Person | null>(null);
  const { data, error, reload } = useLoad(() => admin.people(search, role, offset, PAGE), `${search} ${role} ${offset}`);
  useEffect(() => {
    const timer = window.setTimeout(() => {
      setSearch(typed.trim());
      setOffset(0);
    }, REST);
    return () => window.clearTimeout(timer);
  }, [typed]);
  return (
    <>
      <div class="panel-head">
        <h2>People {data && <span class="muted small" role="status">{plural(data.total, "account")}</span>}</h2>
        <div class="row">
          <label class="search">
            <span class="sr-only">Search people</span>
            <input type="search" placeholder="Name, or e-mail with an @" maxLength={200} value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
          </label>
          <label>
            <span class="sr-only">Role</span>
            <select class="select" value={role} onChange={(event) => { setRole(event.currentTarget.value); setOffset(0); }}>
              <option value="">Every role</option>
              {ROLES.map((name) => <option key={name} value={name}>{name}</option>)}
            </select>
          </label>
        </div>
      </div>
      <NewPerson done={reload} />
      {error && <LoadError error={error} reload={reload} />}
      {!data && !error && <Spinner label="Loading the people…" />}
      {data && (
        <>
          <LiveTable label="People" columns={columns(setOpen)} rows={data.users} id={(row) => row.id} about={(row) => ({ "data-person": row.email })} empty="Nobody matches." />
          <Pages offset={offset} total={data.total} go={setOffset} />
        </>
      )}
      {open && <PersonDrawer key={open.id} person={open} changed={(person) => { setOpen(person); reload(); }} close={() => setOpen(null)} />}
    </>
  );
}

function Pages({ offset, total, go }: { offset: number; total: number; go: (offset: number) => void }) {
  if (total <= PAGE) return null;
  return (
    <div class="row pages">
      <button type="button" class="button button-small" disabled={offset === 0} onClick={() => go(Math.max(0, offset - PAGE))}>Newer</button>
      <span class="muted small">{offset + 1} to {Math.min(offset + PAGE, total)} of {total}</span>
      <button type="button" class="button button-small" disabled={offset + PAGE >= total} onClick={() => go(offset + PAGE)}>Older</button>
    </div>
  );
}

function columns(open: (person: Person) => void): Column<Person>[] {
  return [
    { title: "Name", class: "where", cell: (row) => <button type="button" class="link-button" onClick={() => open(row)}>{row.name || row.email}</button> },
    { title: "E-mail", class: "where", cell: (row) => row.email },
    { title: "Role", cell: (row) => <span class={`role role-${row.role}`}>{row.role}</span> },
    { title: "State", cell: (row) => row.banned ? <span class="tag tag-bad">banned</span> : row.emailVerified ? <span class="tag">active</span> : <span class="tag">not confirmed</span> },
    { title: "Since", class: "muted", cell: (row) => clockTime(row.createdAt) },
  ];
}
