import { Batch } from "../channel/batch.js";
import type { Publication } from "../channel/publication.js";
import type { Codec } from "../protocol/codec.js";
import { allocateMessage } from "./webSocketMessage.js";

/** What many connections are sent. */
type Shared = Publication | Batch;

/**
 * Frames that wait for a connection, as the last link of a chain. Connections for which the same publications wait hold the
 * **same** link, so that the message is put together once and its bytes are shared.
 *
 * Worked example: A and B wait for nothing, C for an answer r. Publications p, q come: A and B both hold root-p-q, one
 * message; C holds root-r-p-q, another.
 */
export class FrameLink {
  /** Of the message's payload, separators included. */
  readonly bytes: number;
  /** Undefined at the root, where nothing waits. */
  readonly before: FrameLink | undefined;
  readonly frame: Buffer;
  /** The link that was made last for publications behind this one: nearly always the one that is asked for next. */
  #lastShared: Shared | undefined;
  #lastLink: FrameLink | undefined;
  #message: Buffer | undefined;

  constructor(before: FrameLink | undefined, frame: Buffer, bytes: number) {
    this.before = before;
    this.frame = frame;
    this.bytes = bytes;
  }

  /** The link behind this one for publications; undefined when it is not the one that was made last. */
  next(shared: Shared): FrameLink | undefined {
    return this.#lastShared === shared ? this.#lastLink : undefined;
  }

  /** `link` is the one behind this one for these publications now. */
  setNext(shared: Shared, link: FrameLink): void {
    this.#lastShared = shared;
    this.#lastLink = link;
  }

  /** The whole WebSocket message; the same buffer at every call. */
  message(codec: Codec): Buffer {
    this.#message ??= this.#build(codec);
    return this.#message;
  }

  #build({ binary, separator }: Codec): Buffer {
    const { message, payloadAt } = allocateMessage(this.bytes, binary);
    let end = payloadAt + this.bytes;
    // Filled from the end: a link knows only what came before it.
    for (const frame of framesBackwards(this)) {
      end -= frame.length;
      frame.copy(message, end);
      if (end > payloadAt) {
        end -= separator.length;
        separator.copy(message, end);
      }
    }
    return message;
  }
}

/** The frames of a chain, last first, without the empty one at its root. */
function* framesBackwards(last: FrameLink): Generator<Buffer> {
  let link = last;
  for (let before = link.before; before; before = link.before) {
    yield link.frame;
    link = before;
  }
}

/** The chains of one codec. Each flush begins a new one. */
export class FrameChain {
  readonly codec: Codec;
  #root: FrameLink;
  #encodedOf: Shared | undefined;
  #encoded: Buffer = Buffer.alloc(0);

  constructor(codec: Codec) {
    this.codec = codec;
    this.#root = emptyLink();
  }

  /** `link` (undefined: nothing waits) with a publication behind it. */
  addPublication(link: FrameLink | undefined, publication: Publication): FrameLink {
    return this.#addShared(link, publication);
  }

  /** `link` (undefined: nothing waits) with publications behind it. */
  addBatch(link: FrameLink | undefined, batch: Batch): FrameLink {
    return this.#addShared(link, batch);
  }

  /** `link` (undefined: nothing waits) with a frame of one client behind it. */
  addFrame(link: FrameLink | undefined, frame: Buffer): FrameLink {
    return this.#extend(link ?? this.#root, frame);
  }

  /** What is added from here on to nothing begins a new chain. */
  beginFlush(): void {
    this.#root = emptyLink();
    this.#encodedOf = undefined;
  }

  #addShared(link: FrameLink | undefined, shared: Shared): FrameLink {
    const before = link ?? this.#root;
    const known = before.next(shared);
    if (known) return known;
    const made = this.#extend(before, this.#encode(shared));
    before.setNext(shared, made);
    return made;
  }

  #extend(before: FrameLink, frame: Buffer): FrameLink {
    const separator = before.bytes === 0 ? 0 : this.codec.separator.length;
    return new FrameLink(before, frame, before.bytes + separator + frame.length);
  }

  /** Encoded once, also where it is added behind several links. */
  #encode(shared: Shared): Buffer {
    if (this.#encodedOf !== shared) {
      this.#encoded = shared instanceof Batch ? this.#join(shared) : this.codec.encode({ kind: "publication", publication: shared });
      this.#encodedOf = shared;
    }
    return this.#encoded;
  }

  #join({ publications }: Batch): Buffer {
    const { codec } = this;
    const frames = publications.map((publication) => codec.encode({ kind: "publication", publication }));
    return Buffer.concat(frames.flatMap((frame, at) => (at === 0 ? [frame] : [codec.separator, frame])));
  }
}

function emptyLink(): FrameLink {
  return new FrameLink(undefined, Buffer.alloc(0), 0);
}
