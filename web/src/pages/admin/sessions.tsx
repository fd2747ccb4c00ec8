import { useState } from "preact/hooks";
import { ago, bytes } from "../../lib/format";
import type { SessionRow } from "../../live/frames";
import { SessionDrawer } from "./drawer";
import { WithRows } from "./feed";
import { type Column, LiveTable } from "./table";

/** Who is connected; a row opens what one may see and do of it. */
export function Sessions() {
  const [filter, setFilter] = useState("");
  const [open, setOpen] = useState<SessionRow | null>(null);
  const wanted = filter.trim().toLowerCase().split(/\s+/).filter(Boolean);
  return (
    <WithRows feed="sessions" what="sessions">
      {(rows) => {
        const all = rows.sort((a, b) => b.since.localeCompare(a.since));
        const shown = all.filter((row) => wanted.every((word) => text(row).includes(word)));
        // What the drawer shows goes on with the feed; the last of it stays when the session is gone.
        const now = open && (all.find((row) => row.session === open.session) ?? null);
        return (
          <>
            <div class="panel-head">
              <h2>Live sessions <span class="muted small" role="status">{shown.length} of {all.length}</span></h2>
              <label class="search">
                <span class="sr-only">Filter the sessions</span>
                <input type="search" placeholder="Filter: name, role, lesson, node" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
              </label>
            </div>
            <LiveTable
              label="Live sessions" columns={columns(setOpen)} rows={shown} id={(row) => row.session}
              about={(row) => ({ "data-session": row.session, "data-user": row.user.name })}
              empty={all.length === 0 ? "Nobody is connected." : "No session matches."}
            />
            {open && <SessionDrawer key={open.session} row={now ?? open} gone={now === null} close={() => setOpen(null)} />}
          </>
        );
      }}
    </WithRows>
  );
}

function columns(open: (row: SessionRow) => void): Column<SessionRow>[] {
  return [
    { title: "Who", cell: (row) => <button type="button" class="link-button" onClick={() => open(row)} aria-haspopup="dialog">{row.user.name}</button> },
    { title: "Role", cell: (row) => <span class={`role role-${row.user.role}`}>{row.user.role}</span> },
    { title: "Where", class: "where", cell: (row) => where(row) || "–" },
    { title: "Since", cell: (row) => ago(row.since) },
    { title: "Chats", num: true, cell: (row) => row.threads.length },
    { title: "Queued", num: true, cell: (row) => bytes(row.queued_bytes) },
    { title: "Lag", num: true, cell: (row) => row.lag },
    { title: "Node", class: "muted", cell: (row) => row.node },
  ];
}

export function where(row: SessionRow): string {
  return [row.page?.course, row.page?.lesson, row.page?.block].filter(Boolean).join(" / ");
}

function text(row: SessionRow): string {
  return [row.user.name, row.user.role, where(row), row.node, row.transport, row.connection].join(" ").toLowerCase();
}
