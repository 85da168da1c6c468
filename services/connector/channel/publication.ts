import { Publication as WirePublication } from "../../../gen/halley/v1/client.js";
import type { CheckedPayload } from "../../../lib/schema/checkedPayload.js";

/** What a publication is made of. */
export interface PublicationParts {
  readonly channel: string;
  readonly offset: number;
  readonly type: string;
  readonly payload: CheckedPayload;
  /** Of the payload as it was published. */
  readonly payloadBytes: number;
  readonly sender: string;
  /** RFC 3339, or "" when nobody stamped it. */
  readonly time: string;
  readonly tags: Readonly<Record<string, string>> | undefined;
}

/**
 * One message of a channel, checked once and encoded once for each codec; every subscriber's frame is made of the same
 * bytes.
 */
export class Publication {
  readonly channel: string;
  readonly offset: number;
  readonly #parts: PublicationParts;
  #json: string | undefined;
  #wire: Uint8Array | undefined;

  constructor(parts: PublicationParts) {
    this.channel = parts.channel;
    this.offset = parts.offset;
    this.#parts = parts;
  }

  /** The canonical JSON object, one line. */
  get json(): string {
    this.#json ??= encodeJson(this.#parts);
    return this.#json;
  }

  /** The bytes of a halley.v1.Publication. */
  get wire(): Uint8Array {
    this.#wire ??= WirePublication.encode(this.toWire()).finish();
    return this.#wire;
  }

  /** What it costs to keep it in memory, roughly, in bytes: the payload, both encodings, and the objects around them. */
  get sizeBytes(): number {
    return 400 + 3 * (this.#parts.payloadBytes + labelLength(this.#parts));
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
}

function labelLength({ type, sender, tags }: PublicationParts): number {
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
