import { ago } from "../../lib/format";
import type { TurnRow } from "../../live/frames";
import { act } from "./acting";
import { WithRows, useNames } from "./feed";
import { type Column, LiveTable } from "./table";

/** Answers that wait or are being written. */
export function Turns() {
  const nameOf = useNames();
  const columns: Column<TurnRow>[] = [
    { title: "For", cell: (row) => nameOf(row.user) },
    { title: "Status", cell: (row) => <span class="tag">{row.status}</span> },
    { title: "Written by", class: "muted", cell: (row) => row.node ?? "nobody yet" },
    { title: "Attempt", num: true, cell: (row) => row.attempt },
    { title: "Since", cell: (row) => ago(row.since) },
    { title: "Hint", num: true, cell: (row) => row.hint_level ?? "–" },
    { title: "Pieces", num: true, cell: (row) => row.tokens },
    { title: "A second", num: true, cell: (row) => row.tokens_per_second },
    { title: "Stop", cell: (row) => <button type="button" class="button button-small" onClick={() => void act({ type: "cancel_turn", turn: row.turn }, `The answer for ${nameOf(row.user)} was stopped.`)}>Stop</button> },
  ];
  return (
    <WithRows feed="turns" what="answers">
      {(rows) => (
        <>
          <div class="panel-head"><h2>Answers under way</h2></div>
          <LiveTable label="Answers under way" columns={columns} rows={rows} id={(row) => row.turn} about={(row) => ({ "data-turn": row.turn, "data-status": row.status })} empty="Nothing is being written." />
        </>
      )}
    </WithRows>
  );
}
