import { useState } from "preact/hooks";
import { admin } from "../lib/admin";
import { session } from "../lib/auth";
import { useStore } from "../lib/use-store";
import { asRefused } from "./ui";

/** Says on every page that an admin acts as somebody else, and leads back. */
export function ActingBanner() {
  const { user, current } = useStore(session);
  const [state, setState] = useState<{ busy: boolean; failed: string | null }>({ busy: false, failed: null });
  if (!user || !current?.impersonatedBy) return null;
  const stop = async () => {
    setState({ busy: true, failed: null });
    try {
      await admin.stopImpersonating();
      // A new page: nothing that was loaded as the other person stays, the socket neither.
      location.assign("/admin#people");
    } catch (error) {
      setState({ busy: false, failed: asRefused(error).message });
    }
  };
  return (
    <div class="acting" role="status" data-acting={user.id}>
      <span>You are acting as <strong>{user.name || user.email}</strong>. {state.failed}</span>
      <button type="button" class="button button-small" disabled={state.busy} onClick={() => void stop()}>Stop</button>
    </div>
  );
}
