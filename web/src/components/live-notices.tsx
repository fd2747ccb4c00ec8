import { live } from "../lib/live";
import { clockTime } from "../lib/format";
import { useStore } from "../lib/use-store";
import { CloseIcon } from "./icons";

/** Words from those who run the school, over everything, until each is put away. */
export function LiveNotices() {
  const notices = useStore(live.status, (status) => status.notices);
  return (
    <div class="live-notices" role="status" aria-label="Notices">
      {notices.map((notice) => (
        <div key={notice.key} class="live-notice" data-notice>
          <p><strong>From your school</strong> <span class="muted small">{clockTime(notice.at)}</span></p>
          <p class="live-notice-text">{notice.text}</p>
          <button type="button" class="icon-button icon-small" aria-label="Put this notice away" title="Put away" onClick={() => live.dismiss(notice.key)}><CloseIcon /></button>
        </div>
      ))}
    </div>
  );
}
