import type { BusHeaders } from "../../../lib/bus/bus.js";
import { contentType, header } from "../../../lib/bus/subjects.js";
import { decodeUserToken, MAX_USER_ID_BYTES } from "../../../lib/channel/userToken.js";
import type { Namespace } from "../../../lib/config/namespaces.js";
import { RpcError, type Violation } from "../../../lib/errors/rpcError.js";
import { headerTextFault, MAX_TYPE_BYTES, payloadSizeFault, tagFaults } from "../../../lib/message/messageRules.js";
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
  const type = headers.last(header.type);
  const sender = senderOf(headers);
  const tags = tagsOf(headers);
  const faults = tags ? tagFaults(tags) : [];
  addFault(faults, "payload", payloadSizeFault(data.length));
  addFault(faults, "type", headerTextFault(type, MAX_TYPE_BYTES));
  addFault(faults, "sender", Buffer.byteLength(sender) > MAX_USER_ID_BYTES ? "is longer than a user id" : undefined);
  if (faults.length > 0) throw RpcError.invalid(faults, "INVALID_MESSAGE");
  const payload = checkPayload(registry, namespace, { type, encoding: encodingOf(headers), data });
  const time = headers.last(header.time);
  return new Publication({
    channel,
    offset,
    type,
    payload,
    sender,
    time: RFC3339.test(time) && !Number.isNaN(Date.parse(time)) ? time : "",
    tags,
  });
}

/** Date.parse takes much that is no time to anybody else. */
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

function addFault(faults: Violation[], field: string, description: string | undefined): void {
  if (description !== undefined) faults.push({ field, description });
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
  return Object.fromEntries(names.map((name) => [name.slice(header.tagPrefix.length), headers.last(name)]));
}
