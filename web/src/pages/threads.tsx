import { ThreadList } from "../chat/thread-list";
import { Shell } from "../components/shell";
import { usePageTitle } from "../components/ui";
import { VerifyBanner } from "../components/verify-banner";

export function ThreadsPage() {
  usePageTitle("Chats");
  return (
    <Shell>
      <VerifyBanner />
      <header class="page-head">
        <h1>Chats</h1>
        <p class="muted">Everything you have asked, by course and lesson.</p>
      </header>
      <ThreadList />
    </Shell>
  );
}
