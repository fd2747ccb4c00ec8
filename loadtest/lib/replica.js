// A client's copy of one thread's log: applies events in order, once, and checks each answer
// against the length and hash in its `end` (live.md §2.2).

import crypto from "k6/crypto";

export class Replica {
  /** @param {string} thread @param {number} seq the last event that is not to come any more */
  constructor(thread, seq) {
    this.thread = thread;
    this.seq = seq;
    this.text = "";
    this.ended = {};
  }

  /** Returns `{problem}` if the event does not continue the log, `{ended}` at the end of a turn. */
  apply(frame) {
    const first = frame.first ?? frame.seq;
    if (first !== this.seq + 1) {
      return { problem: `event ${first} came after ${this.seq} in ${this.thread}` };
    }
    this.seq = frame.seq;
    if (frame.type === "turn" && frame.status === "restarted") this.text = "";
    if (frame.type === "delta") this.text += frame.text;
    return frame.type === "end" ? this.end(frame) : {};
  }

  end(frame) {
    if (this.ended[frame.turn]) return { problem: `${frame.turn} ended twice` };
    this.ended[frame.turn] = true;
    const text = this.text;
    this.text = "";
    // By code points, as the server counts: a string's own length is in UTF-16 units.
    const length = Array.from(text).length;
    const sha256 = crypto.sha256(text, "hex");
    const shown = (frame.item?.content ?? []).map((part) => part.text).join("");
    const problem =
      (length !== frame.length && `length ${length}, stated ${frame.length}`) ||
      (sha256 !== frame.sha256 && `sha256 ${sha256}, stated ${frame.sha256}`) ||
      (frame.item && shown !== text && "the item's text is not what arrived") ||
      (frame.error ? frame.error.message : "");
    const right = length === frame.length && sha256 === frame.sha256 && (!frame.item || shown === text);
    return { ended: { turn: frame.turn, status: frame.status, right, problem } };
  }
}
