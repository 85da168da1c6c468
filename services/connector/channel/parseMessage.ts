import type { BusHeaders } from "../../../lib/bus/bus.js";
import { contentType, header } from "../../../lib/bus/subjects.js";
import { decodeUserToken } from "../../../lib/channel/userToken.js";
import type { Namespace } from "../../../lib/config/namespaces.js";
import { RpcError } from "../../../lib/errors/rpcError.js";
import { MAX_TAGS, payloadSizeFault } from "../../../lib/message/messageRules.js";
import { checkPayload } from "../../../lib/schema/checkPayload.js";
import type { SchemaRegistry } from "../../../lib/schema/schemaRegistry.js";
import { Publication } from "./publication.js";

/** A message of a channel, live or stored. */
export interface ChannelMessage {
  readonly channel: string;
  readonly offset: number;
  readonly headers: BusHeaders;
  readonly data: Uint8Array;
}

/** Makes a publication of a message. Throws INVALID_MESSAGE with every violation when it isn't what it says. */
export function parseMessage(message: ChannelMessage, namespace: Namespace, registry: SchemaRegistry): Publication {
  const { channel, offset, headers, data } = message;
  const tooLarge = payloadSizeFault(data.length);
  if (tooLarge !== undefined) throw RpcError.invalid([{ field: "payload", description: tooLarge }], "INVALID_MESSAGE");
  const type = headers.last(header.type);
  const payload = checkPayload(registry, namespace, { type, encoding: encodingOf(headers), data });
  const time = headers.last(header.time);
  return new Publication({
    channel,
    offset,
    type,
    payload,
    payloadBytes: data.length,
    sender: senderOf(headers),
    time: Number.isNaN(Date.parse(time)) ? "" : time,
    tags: tagsOf(headers),
  });
}

/** The user id behind `Halley-Sender`, which holds it as a token; direct publishers may put any text there. */
function senderOf(headers: BusHeaders): string {
  const value = headers.last(header.sender);
  return decodeUserToken(value) ?? value;
}

function encodingOf(headers: BusHeaders): "json" | "protobuf" {
  const value = headers.last(header.contentType);
  if (value === "" || value === contentType.json) return "json";
  if (value === contentType.protobuf) return "protobuf";
  const description = `must be ${contentType.json} or ${contentType.protobuf}`;
  throw RpcError.invalid([{ field: header.contentType, description }], "INVALID_MESSAGE");
}

function tagsOf(headers: BusHeaders): Record<string, string> | undefined {
  const names = headers.keys().filter((name) => name.startsWith(header.tagPrefix));
  if (names.length === 0) return undefined;
  return Object.fromEntries(names.slice(0, MAX_TAGS).map((name) => [name.slice(header.tagPrefix.length), headers.last(name)]));
}
