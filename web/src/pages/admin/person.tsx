import { useState } from "preact/hooks";
import { LoadError, Spinner, asRefused, useLoad } from "../../components/ui";
import { type Person, type PersonSession, admin } from "../../lib/admin";
import { session } from "../../lib/auth";
import { ago, clockTime, deviceName } from "../../lib/format";
import { useStore } from "../../lib/use-store";
import { outcome } from "./acting";
import { Confirmed } from "./confirm";
import { Drawer } from "./drawer-frame";
import { ROLES } from "./people";

type Do = (run: () => Promise<{ user: Person } | unknown>, done: string) => Promise<void>;

/** One person: her standing, her sign-ins, and what an admin may do about them. */
export function PersonDrawer({ person, changed, close }: { person: Person; changed: (person: Person | null) => void; close: () => void }) {
  const me = useStore(session, (state) => state.user?.id);
  const name = person.name || person.email;
  const own = person.id === me;
  const run: Do = async (deed, done) => {
    try {
      const answer = (await deed()) as { user?: Person } | null;
      outcome.set({ words: done, audit: "" });
      changed(answer?.user ?? person);
    } catch (error) {
      outcome.set({ words: asRefused(error).message, audit: null });
    }
  };
  const impersonate = async () => {
    try {
      await admin.impersonate(person.id);
      location.assign("/");
    } catch (error) {
      outcome.set({ words: asRefused(error).message, audit: null });
    }
  };
  return (
    <Drawer label={`Account of ${name}`} title={<>{name} <span class={`role role-${person.role}`}>{person.role}</span></>} close={close} about={{ "data-drawer": person.email }}>
      <Facts person={person} />
      {person.role !== "admin" && !person.banned && (
        <section aria-label="Act as this person">
          <h3>Act as {name}</h3>
          <p class="muted small">You see what {name} sees, for an hour at most. It is written into the audit log.</p>
          <button type="button" class="button button-small" onClick={() => void impersonate()}>Act as {name}</button>
        </section>
      )}
      <section aria-label="Role">
        <h3>Role</h3>
        <Role person={person} run={run} />
      </section>
      <SignIns person={person} run={run} />
      <section aria-label="Standing">
        <h3>Standing</h3>
        {own ? <p class="muted">This is you.</p> : person.banned ? (
          <button type="button" class="button button-small" onClick={() => void run(() => admin.unban(person.id), `${name} may sign in again.`)}>Lift the ban</button>
        ) : <Ban person={person} run={run} />}
        {!own && (
          <Confirmed
            label="Remove the account" question={`Remove ${name} with every chat? This cannot be undone.`} yes="Remove"
            run={() => run(() => admin.remove(person.id), `${name} was removed.`).then(close)}
          />
        )}
      </section>
    </Drawer>
  );
}

function Facts({ person }: { person: Person }) {
  const facts: [string, string][] = [
    ["E-mail", person.email],
    ["Confirmed", person.emailVerified ? "yes" : "no"],
    ["Account since", clockTime(person.createdAt)],
    ["Second factor", person.twoFactorEnabled ? "on" : "off"],
  ];
  if (person.banned) facts.push(["Banned", person.banExpires ? `until ${clockTime(person.banExpires)}` : "for good"], ["Reason", person.banReason ?? "–"]);
  return <dl class="facts">{facts.map(([term, value]) => <div key={term}><dt>{term}</dt><dd>{value}</dd></div>)}</dl>;
}

function Role({ person, run }: { person: Person; run: Do }) {
  const [role, setRole] = useState(person.role);
  return (
    <div class="row">
      <label>
        <span class="sr-only">Role of {person.name}</span>
        <select class="select" value={role} onChange={(event) => setRole(event.currentTarget.value)}>
          {ROLES.map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
      </label>
      <button type="button" class="button button-small" disabled={role === person.role} onClick={() => void run(() => admin.setRole(person.id, role), `${person.name} is ${role} now.`)}>Change the role</button>
    </div>
  );
}

function Ban({ person, run }: { person: Person; run: Do }) {
  const [reason, setReason] = useState("");
  const [days, setDays] = useState("");
  const ban = () => run(() => admin.ban(person.id, reason.trim(), Number(days) || 0), `${person.name} is banned.`);
  return (
    <div class="form">
      <label class="field"><span>Reason</span><input value={reason} maxLength={200} onInput={(event) => setReason(event.currentTarget.value)} /></label>
      <label class="field"><span>Days (empty: for good)</span><input class="number" type="number" min={1} max={3650} value={days} onInput={(event) => setDays(event.currentTarget.value)} /></label>
      <Confirmed label="Ban" question={`Ban ${person.name} and end every sign-in?`} yes="Ban" run={ban} />
    </div>
  );
}

function SignIns({ person, run }: { person: Person; run: Do }) {
  const { data, error, reload } = useLoad(() => admin.sessions(person.id), person.id);
  const end = (entry: PersonSession) => run(() => admin.endSession(entry.token), "The sign-in has ended.").then(reload);
  return (
    <section aria-label="Sign-ins">
      <h3>Sign-ins</h3>
      {error && <LoadError error={error} reload={reload} />}
      {!data && !error && <Spinner label="Loading…" />}
      {data?.length === 0 && <p class="muted">Nowhere signed in.</p>}
      <ul class="sign-ins">
        {data?.map((entry) => (
          <li key={entry.id} class="sign-in" data-sign-in={entry.id}>
            <div>
              <p class="sign-in-device">{entry.clientName ?? deviceName(entry.userAgent)} {entry.clientId && <span class="tag">an app</span>} {entry.impersonatedBy && <span class="tag">an admin acts</span>}</p>
              <p class="muted small">{entry.ipAddress ? `${entry.ipAddress} · ` : ""}signed in {clockTime(entry.createdAt)} · seen {ago(entry.updatedAt)}</p>
            </div>
            <button type="button" class="button button-small" onClick={() => void end(entry)}>End it</button>
          </li>
        ))}
      </ul>
      {(data?.length ?? 0) > 1 && (
        <Confirmed label="End all" question={`End all sign-ins of ${person.name}?`} yes="End all" run={() => run(() => admin.endSessions(person.id), `${person.name} was signed out everywhere.`).then(reload)} />
      )}
    </section>
  );
}
