import { useEffect, useState } from "preact/hooks";
import { Shell } from "../components/shell";
import { Notice, Spinner, asRefused, usePageTitle } from "../components/ui";
import { type Overview, api } from "../lib/api";
import { ago, duration } from "../lib/format";
import { live } from "../lib/live";
import type { SessionRow } from "../live/frames";
import { useStore } from "../lib/use-store";

const POLL = 2_000;

export function AdminPage() {
  usePageTitle("Admin");
  return (
    <Shell wide>
      <header class="page-head">
        <h1>Right now</h1>
      </header>
      <Tiles />
      <Sessions />
    </Shell>
  );
}

function useOverview(): { data: Overview | null; failed: string | null } {
  const [state, setState] = useState<{ data: Overview | null; failed: string | null }>({ data: null, failed: null });
  useEffect(() => {
    let current = true;
    let timer = 0;
    // The next question waits for the last answer: a slow server is not asked twice.
    const poll = async () => {
      try {
        if (document.visibilityState === "visible") {
          const data = await api.overview();
          if (current) setState({ data, failed: null });
        }
      } catch (error) {
        if (current) setState((old) => ({ data: old.data, failed: asRefused(error).message }));
      }
      if (current) timer = window.setTimeout(() => void poll(), POLL);
    };
    void poll();
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, []);
  return state;
}

function Tiles() {
  const { data, failed } = useOverview();
  if (!data) return failed ? <Notice kind="bad">{failed}</Notice> : <Spinner label="Loading the figures…" />;
  const tiles: [string, string | number, string][] = [
    ["Connected", data.connected, "live sockets"],
    ["Streaming", data.streaming, "answers right now"],
    ["Messages", data.messages_24h, "in 24 h"],
    ["Users", data.users, "accounts"],
    ["Turns done", data.turns.done, `${data.turns.running} running, ${data.turns.queued} queued`],
    ["Turns failed", data.turns.failed, "given back to the quota"],
  ];
  return (
    <>
      {failed && <Notice kind="warn">These figures are old: {failed}</Notice>}
      <ul class="tiles">
        {tiles.map(([name, value, about]) => (
          <li key={name} class={name === "Turns failed" && Number(value) > 0 ? "tile tile-bad" : "tile"} data-tile={name}>
            <span class="tile-name">{name}</span>
            <span class="tile-value">{value}</span>
            <span class="tile-about">{about}</span>
          </li>
        ))}
      </ul>
      <p class="muted small">
        Node {data.node} · version {data.version} · up {duration(data.uptime_s)} · tutor: {data.tutor.kind === "extractive" ? "passage guide (no AI model)" : data.tutor.kind}
      </p>
    </>
  );
}

function text(row: SessionRow): string {
  return [row.user?.name, row.user?.role, row.page?.course, row.page?.lesson, row.page?.block, row.node, row.transport, row.connection]
    .filter(Boolean)
    .join(" ")
    .toLowerCase();
}

function count(threads: SessionRow["threads"]): number {
  return Array.isArray(threads) ? threads.length : (threads ?? 0);
}

function Sessions() {
  const rows = useStore(live.sessions);
  const { phase, reason } = useStore(live.status);
  const [filter, setFilter] = useState("");
  const [, tick] = useState(0);
  useEffect(() => {
    live.watch("sessions");
    live.connect();
    const timer = window.setInterval(() => tick((old) => old + 1), 10_000);
    return () => {
      window.clearInterval(timer);
      live.unwatch("sessions");
    };
  }, []);
  const wanted = filter.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const all = Object.values(rows ?? {}).sort((a, b) => Number(new Date(b.since ?? 0)) - Number(new Date(a.since ?? 0)));
  const shown = all.filter((row) => wanted.every((word) => text(row).includes(word)));
  return (
    <section class="panel" aria-labelledby="live-title">
      <div class="panel-head">
        <h2 id="live-title">Live sessions <span class="muted small" role="status">{rows ? `${shown.length} of ${all.length}` : ""}</span></h2>
        <label class="search">
          <span class="sr-only">Filter the sessions</span>
          <input type="search" placeholder="Filter: name, role, lesson, node" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        </label>
      </div>
      {reason && <Notice kind="bad">{reason}</Notice>}
      {!rows && !reason && <Spinner label={phase === "online" ? "Loading the sessions…" : "Connecting…"} />}
      {rows && (
        <div class="table-box" tabIndex={0} role="region" aria-label="Live sessions">
          <table class="table">
            <thead>
              <tr><th scope="col">Who</th><th scope="col">Role</th><th scope="col">Where</th><th scope="col">Since</th><th scope="col">Chats</th><th scope="col">Queued</th><th scope="col">Lag</th><th scope="col">Node</th></tr>
            </thead>
            <tbody>
              {shown.map((row) => <Row key={row.session} row={row} />)}
              {shown.length === 0 && <tr><td colSpan={8} class="muted">{all.length === 0 ? "Nobody is connected." : "No session matches."}</td></tr>}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Row({ row }: { row: SessionRow }) {
  const where = [row.page?.course, row.page?.lesson, row.page?.block].filter(Boolean).join(" / ");
  const queued = row.queued_bytes ?? 0;
  return (
    <tr data-session={row.session} data-user={row.user?.name}>
      <td>{row.user?.name ?? "–"}</td>
      <td><span class={`role role-${row.user?.role ?? "none"}`}>{row.user?.role ?? "–"}</span></td>
      <td class="where">{where || "–"}</td>
      <td>{ago(row.since)}</td>
      <td class="num">{count(row.threads)}</td>
      <td class="num">{queued < 1024 ? `${queued} B` : `${Math.round(queued / 1024)} KiB`}</td>
      <td class="num">{row.lag ?? 0}</td>
      <td class="muted">{row.node ?? "–"}</td>
    </tr>
  );
}
