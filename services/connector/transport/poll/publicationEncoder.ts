import type { Publication } from "../../channel/publication.js";
import { encodeJsonFrame } from "../../protocol/jsonCodec.js";

/** Publication frames as they stand in an answer, with commas between them, and how many bytes they have. */
export interface EncodedPublications {
  readonly text: string;
  readonly bytes: number;
}

/** Of all texts that are remembered, with the objects around them; past it the oldest are forgotten. */
const MAX_BYTES = 4 * 2 ** 20;
/** The objects around a text, roughly. */
const OBJECT_BYTES = 200;

/** What is remembered of a list. */
interface Remembered {
  /** Undefined when it was forgotten. */
  encoded: EncodedPublications | undefined;
}

/**
 * The lists that were encoded last. Who polled before a burst is answered with the same list as all others who did, within a moment:
 * it is encoded once. No list, and no publication, is kept for having been encoded.
 */
export class PublicationEncoder {
  readonly #known = new WeakMap<readonly Publication[], Remembered>();
  /** Those with a text, the oldest first. */
  readonly #remembered = new Set<Remembered>();
  #bytes = 0;

  /** What is remembered, in bytes. At most 4 MiB. */
  get bytes(): number {
    return this.#bytes;
  }

  encode(publications: readonly Publication[]): EncodedPublications {
    const known = this.#known.get(publications)?.encoded;
    if (known) return known;
    const text = publications.map((publication) => encodeJsonFrame({ kind: "publication", publication })).join(",");
    const encoded = { text, bytes: Buffer.byteLength(text) };
    // One alone is mostly for one user, and encoded sooner than remembered.
    if (publications.length > 1) this.#remember(publications, encoded);
    return encoded;
  }

  #remember(publications: readonly Publication[], encoded: EncodedPublications): void {
    const remembered: Remembered = { encoded };
    this.#known.set(publications, remembered);
    this.#remembered.add(remembered);
    this.#bytes += sizeOf(encoded);
    for (const oldest of this.#remembered) {
      if (this.#bytes <= MAX_BYTES) return;
      this.#forget(oldest);
    }
  }

  #forget(remembered: Remembered): void {
    this.#remembered.delete(remembered);
    if (remembered.encoded) this.#bytes -= sizeOf(remembered.encoded);
    remembered.encoded = undefined;
  }
}

function sizeOf({ bytes }: EncodedPublications): number {
  return OBJECT_BYTES + bytes;
}
