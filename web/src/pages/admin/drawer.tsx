import { useEffect, useRef, useState } from "preact/hooks";
import { CloseIcon } from "../../components/icons";
import { ago, bytes } from "../../lib/format";
import { live } from "../../lib/live";
import { useStore } from "../../lib/use-store";
import type { SessionRow } from "../../live/frames";
import { act } from "./acting";
import { Confirmed } from "./confirm";
import { NoticeForm } from "./notice-form";
import { QuotaForm } from "./quota-form";
import { where } from "./sessions";
import { Transcript } from "./transcript";

/** One session: what it is doing, its conversations, and what staff may do about it. */
export function SessionDrawer({ row, gone, close }: { row: SessionRow; gone: boolean; close: () => void }) {
  const admin = useStore(live.status, (status) => status.user?.role === "admin");
  const [thread, setThread] = useState<string | null>(null);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    box.current?.focus({ preventScroll: true });
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
    };
  }, []);
  useEffect(() => {
    // Of the whole page: a button that was pressed and is disabled since has lost the focus.
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented) close();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [close]);
  const { name } = row.user;
  return (
    <div class="drawer" role="dialog" aria-label={`Session of ${name}`} ref={box} tabIndex={-1} data-drawer={row.session}>
      <header class="drawer-head">
        <h2>{name} <span class={`role role-${row.user.role}`}>{row.user.role}</span></h2>
        <button type="button" class="icon-button" aria-label="Close the session" title="Close (Esc)" onClick={close}><CloseIcon /></button>
      </header>
      <div class="drawer-body">
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
      </div>
    </div>
  );
}

function Facts({ row }: { row: SessionRow }) {
  const facts: [string, string][] = [
    ["Where", where(row) || "–"],
    ["Connected", ago(row.since)],
    ["Transport", row.transport],
    ["Node", row.node],
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
