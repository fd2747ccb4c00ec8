import { useEffect, useState } from "preact/hooks";
import { type AppAccess, factors } from "../lib/factors";
import { clockTime } from "../lib/format";
import { Panel } from "./security";

/** What an app may do, in words; a scope without words is shown as it is. */
const SCOPES: Record<string, string> = {
  openid: "know that it is you",
  profile: "see your name and picture",
  email: "see your e-mail address",
  offline_access: "do this while you are away",
  tutor: "use your lessons and chats",
  admin: "do what your staff role allows",
};

/** Apps that the person, or her school, has let in; nothing where there is none. */
export function AppsPanel() {
  const [apps, setApps] = useState<AppAccess[]>([]);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const load = async () => {
    const mine = await factors.apps();
    if (mine.data) setApps(mine.data);
  };
  useEffect(() => void load(), []);
  if (apps.length === 0 && failed === null) return null;
  const withdraw = async (app: AppAccess) => {
    setBusy(true);
    const done = await factors.withdraw(app);
    setFailed(done.failed?.message ?? null);
    await load();
    setBusy(false);
  };
  return (
    <Panel id="apps-title" title="Apps with access" failed={failed}>
      <ul class="sign-ins">
        {apps.map((app) => (
          <li key={app.id} class="sign-in">
            <div>
              <p class="sign-in-device">{app.clientName ?? app.clientId} {app.bySchool && <span class="tag">Chosen by your school</span>}</p>
              <p class="muted small">may {app.scopes.map((scope) => SCOPES[scope] ?? scope).join(", ")}; since {clockTime(app.createdAt)}</p>
              {app.bySchool && <p class="muted small">Your school lets it in without asking you. When you open it after withdrawing, it has access again.</p>}
            </div>
            <button type="button" class="button button-small" disabled={busy} onClick={() => void withdraw(app)}>Withdraw</button>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
