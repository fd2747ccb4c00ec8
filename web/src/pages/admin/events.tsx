import { deviceName, exactTime } from "../../lib/format";
import type { AuthEventRow, ErrorRow } from "../../live/frames";
import { WithRows } from "./feed";
import { type Column, LiveTable } from "./table";

const AUTH: Column<AuthEventRow>[] = [
  { title: "When", cell: (row) => <time dateTime={row.at}>{exactTime(row.at)}</time> },
  { title: "What", cell: (row) => <span class={row.kind.includes("fail") || row.kind.includes("lock") ? "tag tag-bad" : "tag"}>{row.kind.replaceAll("_", " ")}</span> },
  { title: "E-mail", cell: (row) => row.email ?? row.user ?? "–" },
  { title: "Address", class: "muted", cell: (row) => row.address ?? "–" },
  { title: "Device", class: "muted", cell: (row) => deviceName(row.agent) },
];

const ERRORS: Column<ErrorRow>[] = [
  { title: "When", cell: (row) => <time dateTime={row.at}>{exactTime(row.at)}</time> },
  { title: "Level", cell: (row) => <span class={row.level === "error" ? "tag tag-bad" : "tag"}>{row.level}</span> },
  { title: "What", class: "long", cell: (row) => row.message },
  { title: "Part", class: "muted", cell: (row) => row.target },
  { title: "Node", class: "muted", cell: (row) => row.node },
];

const newestFirst = (a: { at: string }, b: { at: string }) => b.at.localeCompare(a.at);

/** The newest sign-ins and other events of accounts, for admins. */
export function AuthEvents() {
  return (
    <WithRows feed="auth_events" what="events">
      {(rows) => (
        <>
          <div class="panel-head"><h2>Sign-ins and accounts</h2></div>
          <LiveTable label="Sign-ins and accounts" columns={AUTH} rows={rows.sort(newestFirst)} id={(row) => row.id} about={(row) => ({ "data-event": row.kind })} empty="Nothing has happened yet." />
        </>
      )}
    </WithRows>
  );
}

/** The newest warnings and errors of the server, for admins. */
export function Errors() {
  return (
    <WithRows feed="errors" what="errors">
      {(rows) => (
        <>
          <div class="panel-head"><h2>Warnings and errors</h2></div>
          <LiveTable label="Warnings and errors" columns={ERRORS} rows={rows.sort(newestFirst)} id={(row) => row.id} about={(row) => ({ "data-level": row.level })} empty="No warning and no error." />
        </>
      )}
    </WithRows>
  );
}
