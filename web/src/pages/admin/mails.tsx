import { LoadError, Spinner, asRefused, useLoad } from "../../components/ui";
import { type DeadMail, admin } from "../../lib/admin";
import { exactTime } from "../../lib/format";
import { outcome } from "./acting";
import { Confirmed } from "./confirm";
import { type Column, LiveTable } from "./table";

/** Mails that could not be sent and are not tried again by themselves. */
export function DeadMails() {
  const { data, error, reload } = useLoad(() => admin.deadMails(), "dead");
  const run = async (deed: () => Promise<unknown>, done: string) => {
    try {
      await deed();
      outcome.set({ words: done, audit: "" });
      reload();
    } catch (failure) {
      outcome.set({ words: asRefused(failure).message, audit: null });
    }
  };
  const columns: Column<DeadMail>[] = [
    { title: "When", cell: (row) => <time dateTime={row.created_at}>{exactTime(row.created_at)}</time> },
    { title: "To", class: "where", cell: (row) => row.recipient },
    { title: "Subject", class: "where", cell: (row) => row.subject },
    { title: "Tries", num: true, cell: (row) => row.tries },
    { title: "Why it failed", class: "long muted", cell: (row) => row.last_error ?? "–" },
    {
      title: "Do",
      cell: (row) => (
        <span class="row">
          <button type="button" class="button button-small" onClick={() => void run(() => admin.retryMail(row.id), `The mail to ${row.recipient} is tried again.`)}>Try again</button>
          <Confirmed label="Delete" question={`Delete the mail to ${row.recipient}?`} yes="Delete" run={() => run(() => admin.dropMail(row.id), "The mail was deleted.")} />
        </span>
      ),
    },
  ];
  return (
    <>
      <div class="panel-head"><h2>Mails that did not go out</h2></div>
      {error && <LoadError error={error} reload={reload} />}
      {!data && !error && <Spinner label="Loading the mails…" />}
      {data && <LiveTable label="Mails that did not go out" columns={columns} rows={data.mails} id={(row) => row.id} about={(row) => ({ "data-mail": row.id })} empty="Every mail went out." />}
      {data?.next && <p class="muted small">These are the newest; there are more behind them.</p>}
    </>
  );
}
