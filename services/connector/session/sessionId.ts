import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";

const ID_BYTES = 16;
const MAC_BYTES = 16;

/** A session's id. Two texts, since small buffers keep the memory that they were cut from. */
export class SessionId {
  /** What clients bring back: id and MAC, base64url, 43 characters. */
  readonly text: string;
  /** The 16 random bytes in hexadecimal: a token of subjects and a key of maps. */
  readonly key: string;

  constructor(text: string, key: string) {
    this.text = text;
    this.key = key;
  }

  /** The 16 random bytes: what presence stores. Another buffer at every call. */
  get bytes(): Buffer {
    return Buffer.from(this.key, "hex");
  }
}

/**
 * Makes and checks session ids. The MAC binds an id to its user with a key that all connectors derive from the JWT secret,
 * so that any of them can check it, also after the one that gave it has died.
 */
export class SessionIds {
  readonly #key: Buffer;

  constructor(jwtSecret: string) {
    this.#key = Buffer.from(hkdfSync("sha256", jwtSecret, "", "halley session ids", 32));
  }

  /** A new id for a user. */
  create(userId: string): SessionId {
    return this.#compose(randomBytes(ID_BYTES), userId);
  }

  /** The id that a client brought back, or undefined when it was not given to this user. */
  check(text: string, userId: string): SessionId | undefined {
    const bytes = Buffer.from(text, "base64url");
    if (bytes.length !== ID_BYTES + MAC_BYTES) return undefined;
    const expected = this.#compose(bytes.subarray(0, ID_BYTES), userId);
    return timingSafeEqual(Buffer.from(expected.text, "base64url"), bytes) ? expected : undefined;
  }

  #compose(random: Buffer, userId: string): SessionId {
    const mac = createHmac("sha256", this.#key).update(random).update(userId).digest().subarray(0, MAC_BYTES);
    return new SessionId(Buffer.concat([random, mac]).toString("base64url"), random.toString("hex"));
  }
}
