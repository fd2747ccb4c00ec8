import { useEffect, useState } from "preact/hooks";
import { Notice, Spinner, asRefused } from "../../components/ui";
import { type Overview, api } from "../../lib/api";
import { duration } from "../../lib/format";

const POLL = 2_000;

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

/** The figures of the whole school, asked for every two seconds. */
export function Tiles() {
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
