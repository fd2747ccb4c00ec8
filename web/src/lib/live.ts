import { LiveClient } from "../live/client";
import { api } from "./api";
import { auth, refreshSession, session } from "./auth";
import { forgetAll, recall, remember } from "./session-memory";

/**
 * The window's one live connection. The stay is taken out of storage while the page runs, so that a
 * duplicated tab (which copies the storage) does not push this one out with 4006.
 */
const stay = recall<string>("stay");
remember("stay", null);

export const live = new LiveClient(
  {
    url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/live`,
    ticket: api.ticket,
    token: auth.token,
    socket: (url, protocols) => new WebSocket(url, protocols),
    random: Math.random,
    now: () => performance.now(),
    setTimer: (run, ms) => window.setTimeout(run, ms),
    clearTimer: (timer) => window.clearTimeout(timer),
  },
  stay,
);

window.addEventListener("pagehide", () => remember("stay", live.stay));
window.addEventListener("pageshow", () => remember("stay", null));
window.addEventListener("online", () => live.retryNow());

let signedIn = session.value.user?.id ?? null;
session.watch(({ pending, user }) => {
  if (pending) return;
  if (signedIn !== null && signedIn !== user?.id) {
    live.disconnect();
    forgetAll();
  }
  signedIn = user?.id ?? null;
});

// The sign-in is gone (revoked, or signed out elsewhere): the pages find out too.
live.status.watch(({ phase }) => {
  if (phase === "signed-out") void refreshSession();
});
