import { useState } from "preact/hooks";
import { ago, bytes } from "../../lib/format";
import { live } from "../../lib/live";
import { useStore } from "../../lib/use-store";
import type { SessionRow } from "../../live/frames";
import { act } from "./acting";
import { Confirmed } from "./confirm";
import { Drawer } from "./drawer-frame";
import { NoticeForm } from "./notice-form";
import { QuotaForm } from "./quota-form";
import { where } from "./sessions";
import { Transcript } from "./transcript";

/** One session: what it is doing, its conversations, and what staff may do about it. */
export function SessionDrawer({ row, gone, close }: { row: SessionRow; gone: boolean; close: () => void }) {
  const admin = useStore(live.status, (status) => status.user?.role === "admin");
  const [thread, setThread] = useState<string | null>(null);
  const { name } = row.user;
  return (
    <Drawer label={`Session of ${name}`} title={<>{name} <span class={`role role-${row.user.role}`}>{row.user.role}</span></>} close={close} about={{ "data-drawer": row.session }}>
      {gone && <p class="say-note" role="status">This session has ended.</p>}
      <Facts row={row} />
      <section aria-label="Conversations">
        <h3>Conversations</h3>
        {row.threads.length === 0 && <p class="muted">None is open.</p>}
        {row.threads.length > 0 && <p class="muted small">Each look is written into the audit log.</p>}
        <div class="row">
          {row.threads.map((id, index) => (
            <button key={id} type="button" class="chip" aria-pressed={id === thread} title={id} onClick={() => setThread(id === thread ? null : id)}>
              {id === thread ? "Stop watching" : `Watch chat ${index + 1}`}
            </button>
          ))}
        </div>
        {thread && <Transcript key={thread} thread={thread} />}
      </section>
      <section aria-label="Send a notice">
        <h3>Send a notice</h3>
        <NoticeForm to={{ session: row.session }} disabled={gone} done={`${name} was told.`} />
      </section>
      {admin && (
        <section aria-label="Messages a day">
          <h3>Messages a day</h3>
          <QuotaForm user={row.user.id} name={name} />
        </section>
      )}
      <section aria-label="End it">
        <h3>End it</h3>
        <Ending row={row} gone={gone} admin={admin} />
      </section>
    </Drawer>
  );
}

function Facts({ row }: { row: SessionRow }) {
  const facts: [string, string][] = [
    ["Where", where(row) || "–"],
    ["Connected", ago(row.since)],
    ["Transport", row.transport],
    ["Node", row.node],
    ...(row.impersonated_by ? [["An admin acts", row.impersonated_by] as [string, string]] : []),
    ["Queued", bytes(row.queued_bytes)],
    ["Lag", `${row.lag} events`],
  ];
  return (
    <dl class="facts">
      {facts.map(([term, value]) => <div key={term}><dt>{term}</dt><dd>{value}</dd></div>)}
    </dl>
  );
}

function Ending({ row, gone, admin }: { row: SessionRow; gone: boolean; admin: boolean }) {
  const [reason, setReason] = useState("");
  const { name, id } = row.user;
  const kick = () => act(reason.trim() ? { type: "kick", session: row.session, reason: reason.trim() } : { type: "kick", session: row.session }, `${name} was disconnected.`);
  return (
    <div class="form">
      <label class="field">
        <span>Reason, shown to {name}</span>
        <input value={reason} maxLength={200} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <div class="row">
        <Confirmed label="Disconnect" question={`Disconnect ${name}?`} yes="Disconnect" run={kick} disabled={gone} />
        {admin && (
          <>
            <Confirmed label="Sign out here" question={`End the sign-in behind this session?`} yes="Sign out" run={() => act({ type: "revoke", session: row.session }, `${name} was signed out here.`)} disabled={gone} />
            <Confirmed label="Sign out everywhere" question={`End all sign-ins of ${name}?`} yes="Sign out" run={() => act({ type: "revoke", user: id }, `${name} was signed out everywhere.`)} />
          </>
        )}
      </div>
    </div>
  );
}
