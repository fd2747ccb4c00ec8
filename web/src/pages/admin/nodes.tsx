import { ago, bytes } from "../../lib/format";
import type { NodeRow } from "../../live/frames";
import { act } from "./acting";
import { Confirmed } from "./confirm";
import { WithRows } from "./feed";
import { type Column, LiveTable } from "./table";

const COLUMNS: Column<NodeRow>[] = [
  { title: "Node", cell: (row) => row.node },
  { title: "State", cell: (row) => <span class={row.alive && row.degraded.length === 0 ? "tag" : "tag tag-bad"}>{state(row)}</span> },
  { title: "Version", class: "muted", cell: (row) => row.version },
  { title: "Started", cell: (row) => ago(row.started) },
  { title: "Sessions", num: true, cell: (row) => row.sessions },
  { title: "Answers", num: true, cell: (row) => row.turns },
  { title: "Memory", num: true, cell: (row) => bytes(row.rss_bytes) },
  {
    title: "Drain",
    cell: (row) => (
      <Confirmed
        label="Drain" question={`Send everybody on ${row.node} elsewhere, and take no new work?`} yes="Drain it" disabled={!row.alive || row.draining}
        run={() => act({ type: "drain_node", node: row.node }, `${row.node} takes no new work.`)}
      />
    ),
  },
];

/** `gone`, or what it does and what it has to do without. */
function state(row: NodeRow): string {
  if (!row.alive) return "gone";
  const doing = row.draining ? "draining" : "serving";
  return row.degraded.length === 0 ? doing : `${doing} without ${row.degraded.join(", ")}`;
}

/** The servers, for admins. */
export function Nodes() {
  return (
    <WithRows feed="nodes" what="servers">
      {(rows) => (
        <>
          <div class="panel-head"><h2>Servers</h2></div>
          <LiveTable label="Servers" columns={COLUMNS} rows={rows} id={(row) => row.node} about={(row) => ({ "data-node": row.node })} empty="No server has a lease." />
        </>
      )}
    </WithRows>
  );
}
