/** What the client does after a close: the range of the code decides. */
export type Plan =
  | { action: "stop"; reason: string }
  | { action: "renew"; delay: number }
  | { action: "retry"; delay: number };

const STOPS: Record<number, string> = {
  4000: "This page sent something the server could not read. Reload it.",
  4001: "This page is older than the server. Reload it.",
  4002: "This account may not use the tutor.",
  4003: "An operator closed this connection.",
  4004: "Too many windows are open. Close some, then reload.",
  4005: "This account is suspended.",
  4006: "The chat went on in another window.",
};

const KICKED = 4003;
const FIRST = 1_000;
const CAP = 30_000;

/** Full jitter: anywhere between nothing and a window that doubles from 1 to 30 s. */
function jittered(attempt: number, random: () => number): number {
  return Math.round(random() * Math.min(CAP, FIRST * 2 ** Math.min(attempt, 10)));
}

/** Where the Close frame says no more than the name of its code, the words are ours. */
function whyStopped(code: number, said: string): string {
  const words = STOPS[code] ?? `The server closed the chat (code ${code}).`;
  return code === KICKED && said !== "" && said !== "kicked" ? `${words} The reason given: ${said}` : words;
}

/**
 * `attempt` counts the connections that failed since the last welcome, from 0; `said` is the reason
 * in the Close frame. A second renewal in a row waits too: a refused ticket must not become a busy loop.
 */
export function planReconnect(code: number, attempt: number, random: () => number, said = ""): Plan {
  if (code >= 4000 && code <= 4099) return { action: "stop", reason: whyStopped(code, said) };
  if (code >= 4100 && code <= 4199) {
    return { action: "renew", delay: attempt === 0 ? 0 : jittered(attempt, random) };
  }
  if (code >= 4300 && code <= 4399 && attempt === 0) {
    return { action: "retry", delay: Math.round(random() * 500) };
  }
  return { action: "retry", delay: jittered(attempt, random) };
}
