import type { Publication } from "../../channel/publication.js";
import { encodeJsonFrame } from "../../protocol/jsonCodec.js";

/** Publication frames as they stand in an answer, with commas between them, and how many bytes they have. */
export interface EncodedPublications {
  readonly text: string;
  readonly bytes: number;
}

/** Of all lists that are remembered; past it the oldest are forgotten. */
const MAX_BYTES = 4 * 2 ** 20;

/**
 * The lists that were encoded last. Who polled before a burst is answered with the same list as all others who did, within a moment:
 * it is encoded once.
 */
export class PublicationEncoder {
  readonly #known = new Map<readonly Publication[], EncodedPublications>();
  #bytes = 0;

  /** What is remembered, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  encode(publications: readonly Publication[]): EncodedPublications {
    const known = this.#known.get(publications);
    if (known) return known;
    const text = publications.map((publication) => encodeJsonFrame({ kind: "publication", publication })).join(",");
    const encoded = { text, bytes: Buffer.byteLength(text) };
    // One alone is mostly for one user, and encoded sooner than remembered.
    if (publications.length > 1) this.#remember(publications, encoded);
    return encoded;
  }

  #remember(publications: readonly Publication[], encoded: EncodedPublications): void {
    this.#known.set(publications, encoded);
    this.#bytes += encoded.bytes;
    for (const [oldest, { bytes }] of this.#known) {
      if (this.#bytes <= MAX_BYTES) return;
      this.#known.delete(oldest);
      this.#bytes -= bytes;
    }
  }
}
