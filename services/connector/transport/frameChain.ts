import type { Publication } from "../channel/publication.js";
import type { Codec } from "../protocol/codec.js";
import { allocateMessage } from "./webSocketMessage.js";

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
  /** The link that was made last for a publication behind this one: nearly always the one that is asked for next. */
  #lastPublication: Publication | undefined;
  #lastLink: FrameLink | undefined;
  #message: Buffer | undefined;

  constructor(before: FrameLink | undefined, frame: Buffer, bytes: number) {
    this.before = before;
    this.frame = frame;
    this.bytes = bytes;
  }

  /** The link behind this one for a publication; undefined when it is not the one that was made last. */
  next(publication: Publication): FrameLink | undefined {
    return this.#lastPublication === publication ? this.#lastLink : undefined;
  }

  /** `link` is the one behind this one for a publication now. */
  setNext(publication: Publication, link: FrameLink): void {
    this.#lastPublication = publication;
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
  #encodedOf: Publication | undefined;
  #encoded: Buffer = Buffer.alloc(0);

  constructor(codec: Codec) {
    this.codec = codec;
    this.#root = emptyLink();
  }

  /** `link` (undefined: nothing waits) with a publication behind it. */
  addPublication(link: FrameLink | undefined, publication: Publication): FrameLink {
    const before = link ?? this.#root;
    const known = before.next(publication);
    if (known) return known;
    const made = this.#extend(before, this.#encode(publication));
    before.setNext(publication, made);
    return made;
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

  #extend(before: FrameLink, frame: Buffer): FrameLink {
    const separator = before.bytes === 0 ? 0 : this.codec.separator.length;
    return new FrameLink(before, frame, before.bytes + separator + frame.length);
  }

  /** Encoded once, also where it is added behind several links. */
  #encode(publication: Publication): Buffer {
    if (this.#encodedOf !== publication) {
      this.#encoded = this.codec.encode({ kind: "publication", publication });
      this.#encodedOf = publication;
    }
    return this.#encoded;
  }
}

function emptyLink(): FrameLink {
  return new FrameLink(undefined, Buffer.alloc(0), 0);
}
