/** Where oidc-provider keeps what it has made: maps without a bound, so that a measurement does not meet one. */
const store = new Map();
const grants = new Map();
const uids = new Map();
const userCodes = new Map();

export class Memory {
  constructor(kind) {
    this.kind = kind;
  }

  #key(id) {
    return `${this.kind}:${id}`;
  }

  async upsert(id, payload, seconds) {
    const key = this.#key(id);
    store.set(key, { payload, until: seconds ? Date.now() + seconds * 1_000 : Infinity });
    if (payload.uid) uids.set(payload.uid, id);
    if (payload.userCode) userCodes.set(payload.userCode, id);
    if (payload.grantId && this.kind !== "Session" && this.kind !== "Interaction") {
      if (!grants.has(payload.grantId)) grants.set(payload.grantId, new Set());
      grants.get(payload.grantId).add(key);
    }
  }

  async find(id) {
    const found = store.get(this.#key(id));
    return found && found.until > Date.now() ? found.payload : undefined;
  }

  async findByUid(uid) {
    return this.find(uids.get(uid));
  }

  async findByUserCode(code) {
    return this.find(userCodes.get(code));
  }

  async consume(id) {
    const found = store.get(this.#key(id));
    if (found) found.payload.consumed = Math.floor(Date.now() / 1_000);
  }

  async destroy(id) {
    store.delete(this.#key(id));
  }

  async revokeByGrantId(grantId) {
    for (const key of grants.get(grantId) ?? []) store.delete(key);
    grants.delete(grantId);
  }
}
