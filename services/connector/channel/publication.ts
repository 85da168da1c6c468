import { Publication as WirePublication } from "../../../gen/halley/v1/client.js";
import { ownText } from "../../../lib/ownText.js";
import type { CheckedPayload } from "../../../lib/schema/checkedPayload.js";

/** What a publication is made of. */
export interface PublicationParts {
  readonly channel: string;
  readonly offset: number;
  readonly type: string;
  readonly payload: CheckedPayload;
  readonly sender: string;
  /** RFC 3339, or "" when nobody stamped it. */
  readonly time: string;
  readonly tags: Readonly<Record<string, string>> | undefined;
}

/** Who counts the memory of a publication. */
export interface PublicationHolder {
  onGrow(bytes: number): void;
}

/** The objects around what is in a publication, roughly. */
const OBJECT_BYTES = 600;

/**
 * One message of a channel, checked once and encoded once for each codec; every subscriber's frame is made of the same
 * bytes. It holds nothing of what it came with but what it says.
 */
export class Publication {
  readonly channel: string;
  readonly offset: number;
  /** Who counts what it holds: told of each encoding that was made, with the bytes that it takes. */
  holder: PublicationHolder | undefined;
  readonly #parts: PublicationParts;
  #heldBytes: number;
  #json: string | undefined;
  #wire: Uint8Array | undefined;

  constructor(parts: PublicationParts) {
    const { channel, offset, type, payload, sender, time, tags } = parts;
    this.channel = channel;
    this.offset = offset;
    payload.own();
    this.#parts = { channel, offset, type: ownText(type), payload, sender: ownText(sender), time: ownText(time), tags: tags && ownTags(tags) };
    this.#heldBytes = this.#measure();
  }

  /** The canonical JSON object, one line. */
  get json(): string {
    if (this.#json === undefined) {
      this.#json = encodeJson(this.#parts);
      this.#grow();
    }
    return this.#json;
  }

  /** The bytes of a halley.v1.Publication. */
  get wire(): Uint8Array {
    if (this.#wire === undefined) {
      this.#wire = WirePublication.encode(this.toWire()).finish();
      this.#grow();
    }
    return this.#wire;
  }

  /** What it takes in memory now, roughly, in bytes: the payload, the encodings that were made, and the objects around them. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The message itself, for frames that hold several. */
  toWire(): WirePublication {
    const { channel, offset, type, payload, sender, time, tags } = this.#parts;
    const bytes = payload.protobuf;
    return {
      channel,
      offset,
      type,
      data: { data: bytes ? { $case: "protobuf", value: Buffer.from(bytes) } : { $case: "json", value: Buffer.from(payload.json) } },
      sender,
      time: time === "" ? undefined : { seconds: Math.floor(Date.parse(time) / 1_000), nanos: (((Date.parse(time) % 1_000) + 1_000) % 1_000) * 1_000_000 },
      tags: { ...tags },
    };
  }

  #grow(): void {
    const before = this.#heldBytes;
    this.#heldBytes = this.#measure();
    this.holder?.onGrow(this.#heldBytes - before);
  }

  #measure(): number {
    const encodings = (this.#json === undefined ? 0 : Buffer.byteLength(this.#json)) + (this.#wire?.length ?? 0);
    return OBJECT_BYTES + labelBytes(this.#parts) + this.#parts.payload.heldBytes + encodings;
  }
}

function ownTags(tags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [ownText(name), ownText(value)]));
}

function labelBytes({ type, sender, tags }: PublicationParts): number {
  let length = type.length + sender.length;
  if (tags) for (const [name, value] of Object.entries(tags)) length += name.length + value.length;
  return length;
}

function encodeJson({ channel, offset, type, payload, sender, time, tags }: PublicationParts): string {
  const optional =
    (type === "" ? "" : `,"type":${JSON.stringify(type)}`) +
    `,"data":${payload.json}` +
    (sender === "" ? "" : `,"sender":${JSON.stringify(sender)}`) +
    (time === "" ? "" : `,"time":${JSON.stringify(time)}`) +
    (tags ? `,"tags":${JSON.stringify(tags)}` : "");
  return `{"channel":${JSON.stringify(channel)},"offset":${String(offset)}${optional}}`;
}
