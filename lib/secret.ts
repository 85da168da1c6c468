import { createHash, timingSafeEqual } from "node:crypto";

/** A secret, kept as its digest: comparing takes the same time wherever two differ, and however long they are. */
export class Secret {
  readonly #digest: Buffer;

  constructor(text: string) {
    this.#digest = createHash("sha256").update(text).digest();
  }

  equals(other: Secret): boolean {
    return timingSafeEqual(this.#digest, other.#digest);
  }
}
