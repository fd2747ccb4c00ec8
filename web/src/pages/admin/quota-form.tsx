import { useState } from "preact/hooks";
import { plural } from "../../lib/format";
import { act } from "./acting";

/** How many messages a day somebody has; an empty field is what the role has. */
export function QuotaForm({ user, name }: { user: string; name: string }) {
  const [limit, setLimit] = useState("");
  const [busy, setBusy] = useState(false);
  const save = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    const wanted = limit.trim() === "" ? null : Number(limit);
    const words = wanted === null ? `${name} has what the role has.` : `${name} has ${plural(wanted, "message")} a day.`;
    await act({ type: "set_quota", user, limit: wanted }, words);
    setBusy(false);
  };
  return (
    <form class="row" onSubmit={(event) => void save(event)}>
      <input
        class="number" type="number" min={0} max={100_000} step={1} aria-label="Messages a day" placeholder="as the role" value={limit} disabled={busy}
        onInput={(event) => setLimit(event.currentTarget.value)}
      />
      <button type="submit" class="button button-small" disabled={busy}>Set</button>
    </form>
  );
}
