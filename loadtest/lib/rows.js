// A watcher's copy of a feed: rows by id, from one snapshot and the diffs after it (live.md §2.7).

export class Rows {
  constructor() {
    this.rows = null;
  }

  /** Returns what is wrong with a snapshot. */
  snapshot(rows) {
    const problems = rows
      .filter((row, at) => rows.findIndex((other) => other.session === row.session) !== at)
      .map((row) => `the snapshot holds ${row.session} twice`);
    this.rows = new Map(rows.map((row) => [row.session, row]));
    return problems;
  }

  /** Applies a diff; returns what of it does not fit what is here. */
  diff({ add, update, remove }) {
    if (!this.rows) return ["a diff came before the snapshot"];
    const problems = [];
    for (const id of remove) {
      if (!this.rows.delete(id)) problems.push(`removed ${id}, which is unknown`);
    }
    for (const row of update) {
      if (!this.rows.has(row.session)) problems.push(`updated ${row.session}, which is unknown`);
      this.rows.set(row.session, row);
    }
    for (const row of add) {
      if (this.rows.has(row.session)) problems.push(`added ${row.session}, which is known`);
      this.rows.set(row.session, row);
    }
    return problems;
  }

  /** What a fresh snapshot says otherwise. */
  compare(rows) {
    const fresh = new Set(rows.map((row) => row.session));
    const missing = [...fresh].filter((id) => !this.rows.has(id)).map((id) => `${id} was never added`);
    const stale = [...this.rows.keys()].filter((id) => !fresh.has(id)).map((id) => `${id} was never removed`);
    return [...missing, ...stale];
  }
}
