import type { Publication } from "../../channel/publication.js";
import { encodeJsonFrame } from "../../protocol/jsonCodec.js";
import { countPublications, type ServerFrame } from "../../protocol/serverFrame.js";
import type { PublicationEncoder } from "./publicationEncoder.js";

/** The frames of one answer, in bytes: past it only what must be said is added, no publications. */
const ANSWER_BYTES = 256 * 1024;

/** The frames of a poll's answer, encoded as they are added. */
export class PollAnswer {
  readonly #encoder: PublicationEncoder;
  readonly #encoded: string[] = [];
  #bytes = 0;
  #publications = 0;

  constructor(encoder: PublicationEncoder) {
    this.#encoder = encoder;
  }

  /** How many publications are in it. */
  get publications(): number {
    return this.#publications;
  }

  get isEmpty(): boolean {
    return this.#encoded.length === 0;
  }

  /** The bytes that may be added still; 0 or less: none. */
  get room(): number {
    return ANSWER_BYTES - this.#bytes;
  }

  /** The frames as a JSON array. */
  get frames(): string {
    return `[${this.#encoded.join(",")}]`;
  }

  /** How many bytes a frame for each publication would take. */
  sizeOf(publications: readonly Publication[]): number {
    return this.#encoder.encode(publications).bytes;
  }

  add(frame: ServerFrame): void {
    const encoded = encodeJsonFrame(frame);
    this.#encoded.push(encoded);
    this.#bytes += Buffer.byteLength(encoded);
    this.#publications += countPublications(frame);
  }

  /** Adds a frame for each publication. */
  addPublications(publications: readonly Publication[]): void {
    if (publications.length === 0) return;
    const { text, bytes } = this.#encoder.encode(publications);
    this.#encoded.push(text);
    this.#bytes += bytes;
    this.#publications += publications.length;
  }
}
