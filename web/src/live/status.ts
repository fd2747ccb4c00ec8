import type { FrameOf, Quota, Role, Welcome, Who } from "./frames";

export type Phase = "idle" | "connecting" | "online" | "waiting" | "stopped" | "signed-out";

/** A word from those who run the school. */
export interface Notice {
  /** This client's own number for it, to dismiss it by. */
  key: number;
  text: string;
  at: string;
}

/** What is known of the connection and of the person behind it. */
export interface Status {
  phase: Phase;
  /** For the person: why it stopped. */
  reason: string | null;
  user: Who | null;
  quota: Quota | null;
  /** What writes the answers, such as `extractive`. */
  tutor: string | null;
  connection: string | null;
  node: string | null;
  /** How many sockets of this user are open, this one included. */
  windows: number;
  /** Not yet dismissed, oldest first. */
  notices: readonly Notice[];
  /** Log events and snapshots applied so far, in all threads. */
  applied: number;
}

export const STARTED: Status = {
  phase: "idle", reason: null, user: null, quota: null, tutor: null, connection: null, node: null, windows: 1, notices: [], applied: 0,
};

export function welcomed(status: Status, frame: Welcome): Status {
  return {
    ...status, phase: "online", reason: null, user: frame.user, connection: frame.connection, node: frame.node, quota: frame.quota,
    tutor: frame.tutor.kind,
  };
}

export function changedRole(status: Status, role: Role, stages: Who["stages"]): Status {
  return status.user ? { ...status, user: { ...status.user, role, stages } } : status;
}

export function noticed(status: Status, frame: FrameOf<"notice">): Status {
  const key = (status.notices.at(-1)?.key ?? 0) + 1;
  return { ...status, notices: [...status.notices, { key, text: frame.text, at: frame.at }] };
}
