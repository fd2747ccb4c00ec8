import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";

/** The values that an authenticator writes: numbers, bytes, texts and maps (RFC 8949). */
type Cbor = number | string | Uint8Array | Map<number | string, Cbor>;

function cbor(value: Cbor): Buffer {
  if (typeof value === "number") return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Map) return Buffer.concat([head(5, value.size), ...[...value].flatMap(([key, entry]) => [cbor(key), cbor(entry)])]);
  return Buffer.concat([head(2, value.length), value]);
}

function head(major: number, size: number): Buffer {
  if (size < 24) return Buffer.from([(major << 5) | size]);
  if (size < 256) return Buffer.from([(major << 5) | 24, size]);
  return Buffer.from([(major << 5) | 25, size >> 8, size & 255]);
}

const sha256 = (data: Uint8Array | string): Buffer => createHash("sha256").update(data).digest();
const bytes = (source: BufferSource): Buffer =>
  source instanceof ArrayBuffer ? Buffer.from(source) : Buffer.from(source.buffer, source.byteOffset, source.byteLength);
const exact = (data: Buffer): ArrayBuffer => new Uint8Array(data).buffer;

const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const HAS_CREDENTIAL = 0x40;

/** One key in a browser that is on `origin`: what `navigator.credentials` does, with the person saying yes. */
export class Authenticator {
  readonly origin: string;
  readonly id = randomBytes(32);
  /** What the page asked for last. */
  asked: PublicKeyCredentialRequestOptions | PublicKeyCredentialCreationOptions | null = null;
  #key: KeyObject | null = null;
  #user: Buffer = Buffer.alloc(0);
  #uses = 0;

  constructor(origin: string) {
    this.origin = origin;
  }

  /** In place of the browser's, which Node has not. */
  plugIn(): void {
    const navigator = { credentials: { create: this.create.bind(this), get: this.get.bind(this) } };
    Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
    Object.defineProperty(globalThis, "PublicKeyCredential", { value: function PublicKeyCredential() {}, configurable: true });
  }

  async create({ publicKey }: { publicKey: PublicKeyCredentialCreationOptions }) {
    this.asked = publicKey;
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#key = pair.privateKey;
    this.#user = bytes(publicKey.user.id);
    const { x = "", y = "" } = pair.publicKey.export({ format: "jwk" });
    const from64 = (text: string) => Buffer.from(text, "base64url");
    // COSE: an EC2 key for ES256 on P-256.
    const cose = cbor(new Map<number, Cbor>([[1, 2], [3, -7], [-1, 1], [-2, from64(x)], [-3, from64(y)]]));
    const credential = Buffer.concat([Buffer.alloc(16), Buffer.from([0, this.id.length]), this.id, cose]);
    const data = Buffer.concat([this.#data(publicKey.rp.id ?? "localhost", HAS_CREDENTIAL), credential]);
    const attestation = cbor(new Map<string, Cbor>([["fmt", "none"], ["attStmt", new Map()], ["authData", data]]));
    return this.#answer({
      clientDataJSON: this.#client("webauthn.create", publicKey.challenge),
      attestationObject: exact(attestation),
      getTransports: () => ["internal"],
      getAuthenticatorData: () => exact(data),
      getPublicKeyAlgorithm: () => -7,
      getPublicKey: () => exact(pair.publicKey.export({ format: "der", type: "spki" })),
    });
  }

  async get({ publicKey }: { publicKey: PublicKeyCredentialRequestOptions }) {
    this.asked = publicKey;
    if (!this.#key) throw new Error("there is no key");
    const data = this.#data(publicKey.rpId ?? "localhost", 0);
    const client = this.#client("webauthn.get", publicKey.challenge);
    const signature = sign("sha256", Buffer.concat([data, sha256(new Uint8Array(client))]), this.#key);
    return this.#answer({
      clientDataJSON: client,
      authenticatorData: exact(data),
      signature: exact(signature),
      userHandle: exact(this.#user),
    });
  }

  #data(rpId: string, flags: number): Buffer {
    this.#uses += 1;
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(this.#uses);
    return Buffer.concat([sha256(rpId), Buffer.from([USER_PRESENT | USER_VERIFIED | flags]), counter]);
  }

  #client(type: string, challenge: BufferSource): ArrayBuffer {
    const said = { type, challenge: bytes(challenge).toString("base64url"), origin: this.origin, crossOrigin: false };
    return exact(Buffer.from(JSON.stringify(said)));
  }

  #answer(response: Record<string, unknown>) {
    const id = this.id.toString("base64url");
    return { id, rawId: exact(this.id), type: "public-key", authenticatorAttachment: "platform", getClientExtensionResults: () => ({}), response };
  }
}
