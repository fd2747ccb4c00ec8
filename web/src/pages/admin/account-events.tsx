import { useEffect, useState } from "preact/hooks";
import { LoadError, Spinner, asRefused, useLoad } from "../../components/ui";
import { type AccountEvent, type EventFilter, admin } from "../../lib/admin";
import { deviceName, exactTime } from "../../lib/format";
import { type Column, LiveTable } from "./table";

const EMPTY: EventFilter = { type: "", email: "", address: "", from: "", to: "" };
/** Kinds that are looked for most; the field takes every other as well. */
const KINDS = [
  "sign_up", "sign_in", "sign_in_failed", "account_locked", "sign_out", "session_revoked", "email_verified", "email_changed",
  "password_reset_requested", "password_reset", "password_changed", "password_set", "social_linked", "social_unlinked",
  "mfa_enabled", "mfa_disabled", "mfa_failed", "passkey_added", "passkey_removed", "role_changed", "banned", "unbanned",
  "impersonation_started", "impersonation_ended", "user_created", "user_removed", "client_created", "client_changed", "client_removed",
];

const COLUMNS: Column<AccountEvent>[] = [
  { title: "When", cell: (row) => <time dateTime={row.at}>{exactTime(row.at)}</time> },
  { title: "What", cell: (row) => <span class={/fail|lock|ban/.test(row.type) ? "tag tag-bad" : "tag"}>{row.type.replaceAll("_", " ")}</span> },
  { title: "E-mail", class: "where", cell: (row) => row.email ?? row.user ?? "–" },
  { title: "Address", class: "muted", cell: (row) => row.address ?? "–" },
  { title: "Device", class: "muted", cell: (row) => (row.agent ? deviceName(row.agent) : "–") },
  { title: "More", class: "long muted", cell: (row) => words(row.detail) },
];

function words(detail: Record<string, unknown>): string {
  return Object.entries(detail).map(([name, value]) => `${name.replaceAll("_", " ")}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(" · ");
}

/** All that happened to accounts, as long as it is kept; filtered, and to be taken away as a file. */
export function AccountEvents() {
  const [form, setForm] = useState(EMPTY);
  const [filter, setFilter] = useState(EMPTY);
  const key = JSON.stringify(filter);
  const { data, error, reload } = useLoad(() => admin.events(filter), key);
  const [more, setMore] = useState<{ events: AccountEvent[]; next: string | undefined; failed: string | null } | null>(null);
  useEffect(() => setMore(null), [data]);
  const set = (change: EventFilter) => setForm({ ...form, ...change });
  const next = more ? more.next : data?.next;
  const older = async () => {
    const events = more?.events ?? [];
    try {
      const page = await admin.events(filter, next);
      setMore({ events: [...events, ...page.events], next: page.next, failed: null });
    } catch (failure) {
      setMore({ events, next, failed: asRefused(failure).message });
    }
  };
  return (
    <>
      <div class="panel-head">
        <h2>Account events</h2>
        <div class="row">
          <a class="button button-small" href={admin.exportPath(filter, "csv")} download>Export CSV</a>
          <a class="button button-small" href={admin.exportPath(filter, "jsonl")} download>Export JSON Lines</a>
        </div>
      </div>
      <form class="filters" aria-label="Filter the events" onSubmit={(event) => { event.preventDefault(); setFilter(form); }}>
        <label class="field">
          <span>What</span>
          <select class="select" value={form.type} onChange={(event) => set({ type: event.currentTarget.value })}>
            <option value="">Everything</option>
            {KINDS.map((kind) => <option key={kind} value={kind}>{kind.replaceAll("_", " ")}</option>)}
          </select>
        </label>
        <label class="field"><span>E-mail</span><input maxLength={254} value={form.email} onInput={(event) => set({ email: event.currentTarget.value })} /></label>
        <label class="field"><span>Address</span><input maxLength={64} value={form.address} onInput={(event) => set({ address: event.currentTarget.value })} /></label>
        <label class="field"><span>From</span><input type="date" value={form.from} onInput={(event) => set({ from: event.currentTarget.value })} /></label>
        <label class="field"><span>To</span><input type="date" value={form.to} onInput={(event) => set({ to: event.currentTarget.value })} /></label>
        <div class="row filters-end">
          <button type="submit" class="button button-small button-primary">Filter</button>
          <button type="button" class="quiet-button" onClick={() => { setForm(EMPTY); setFilter(EMPTY); }}>Clear</button>
        </div>
      </form>
      {error && <LoadError error={error} reload={reload} />}
      {!data && !error && <Spinner label="Loading the events…" />}
      {data && (
        <LiveTable label="Account events" columns={COLUMNS} rows={[...data.events, ...(more?.events ?? [])]} id={(row) => row.id} about={(row) => ({ "data-account-event": row.type })} empty="Nothing of the kind." />
      )}
      {more?.failed && <p class="form-error" role="alert">{more.failed}</p>}
      {next && <div class="row pages"><button type="button" class="button button-small" onClick={() => void older()}>Older events</button></div>}
    </>
  );
}
