import { useEffect, useState } from "preact/hooks";
import { LiveNotices } from "../../components/live-notices";
import { Shell } from "../../components/shell";
import { Notice, usePageTitle } from "../../components/ui";
import { live } from "../../lib/live";
import { useStore } from "../../lib/use-store";
import type { FeedName } from "../../live/frames";
import { AccountEvents } from "./account-events";
import { outcome } from "./acting";
import { Apps } from "./apps";
import { AuthEvents, Errors } from "./events";
import { DeadMails } from "./mails";
import { Nodes } from "./nodes";
import { NoticeToAll } from "./notice-form";
import { People } from "./people";
import { Sessions } from "./sessions";
import { type Tab, TabList, TabPanel } from "./tabs";
import { Tiles } from "./tiles";
import { Turns } from "./turns";

/** `admins`: shows people's addresses or the inside of the server. */
const TABS: (Tab & { feed: FeedName | null; admins: boolean })[] = [
  { id: "sessions", title: "Sessions", feed: "sessions", admins: false },
  { id: "turns", title: "Answers", feed: "turns", admins: false },
  { id: "nodes", title: "Servers", feed: "nodes", admins: true },
  { id: "auth-events", title: "Sign-ins", feed: "auth_events", admins: true },
  { id: "errors", title: "Errors", feed: "errors", admins: true },
  { id: "people", title: "People", feed: null, admins: true },
  { id: "apps", title: "Apps", feed: null, admins: false },
  { id: "account-events", title: "Account events", feed: null, admins: true },
  { id: "mail", title: "Mail", feed: null, admins: true },
];

export function AdminPage() {
  usePageTitle("Admin");
  const admin = useStore(live.status, (status) => status.user?.role === "admin");
  const reason = useStore(live.status, (status) => status.reason);
  const feeds = useStore(live.feeds);
  const tabs = TABS.filter((tab) => admin || !tab.admins);
  const [chosen, choose] = useState(location.hash.slice(1));
  const current = tabs.find((tab) => tab.id === chosen)?.id ?? "sessions";
  useTick(10_000);
  useEffect(() => {
    live.connect();
    const leaving = tabs.flatMap((tab) => (tab.feed ? [live.watch(tab.feed)] : []));
    return () => leaving.forEach((leave) => leave());
  }, [admin]);
  const open = (id: string) => {
    choose(id);
    history.replaceState(null, "", `#${id}`);
  };
  return (
    <Shell wide>
      <header class="page-head admin-head">
        <h1>Right now</h1>
        <NoticeToAll />
      </header>
      <Tiles />
      <LiveNotices />
      <OutcomeNotice />
      {reason && <Notice kind="bad">{reason}</Notice>}
      <TabList tabs={tabs.map((tab) => ({ ...tab, count: (tab.feed && feeds[tab.feed]?.rows?.size) ?? null }))} current={current} open={open} label="Live tables" />
      <TabPanel id={current}>
        {current === "sessions" && <Sessions />}
        {current === "turns" && <Turns />}
        {current === "nodes" && <Nodes />}
        {current === "auth-events" && <AuthEvents />}
        {current === "errors" && <Errors />}
        {current === "people" && <People />}
        {current === "apps" && <Apps admin={admin} />}
        {current === "account-events" && <AccountEvents />}
        {current === "mail" && <DeadMails />}
      </TabPanel>
    </Shell>
  );
}

/** What came of the last action, with the entry that it left in the audit log. */
function OutcomeNotice() {
  const last = useStore(outcome);
  if (!last) return null;
  return (
    <Notice kind={last.audit === null ? "bad" : "good"} onClose={() => outcome.set(null)}>
      <p data-outcome>{last.words}{last.audit && <> <span class="muted small">Audit entry <code data-audit>{last.audit}</code></span></>}</p>
    </Notice>
  );
}

/** "3 min ago" grows old without any event. */
function useTick(ms: number): void {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = window.setInterval(() => tick((old) => old + 1), ms);
    return () => window.clearInterval(timer);
  }, []);
}
