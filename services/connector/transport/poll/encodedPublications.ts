import type { Publication } from "../../channel/publication.js";
import { encodeJsonFrame } from "../../protocol/jsonCodec.js";

/** Publication frames as they stand in an answer, with commas between them, and how many bytes they have. */
export interface EncodedPublications {
  readonly text: string;
  readonly bytes: number;
}

const known = new WeakMap<readonly Publication[], EncodedPublications>();

/** Encodes a list, once for everybody who is answered with the same: of a burst, whoever polled before it. */
export function encodePublications(publications: readonly Publication[]): EncodedPublications {
  let encoded = known.get(publications);
  if (!encoded) {
    const text = publications.map((publication) => encodeJsonFrame({ kind: "publication", publication })).join(",");
    encoded = { text, bytes: Buffer.byteLength(text) };
    // One alone is mostly for one user, and encoded sooner than remembered.
    if (publications.length > 1) known.set(publications, encoded);
  }
  return encoded;
}
