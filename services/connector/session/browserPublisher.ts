import { randomUUID } from "node:crypto";
import type { Publish } from "../../../gen/halley/v1/client.js";
import type { Bus } from "../../../lib/bus/bus.js";
import { storedByAnother } from "../../../lib/bus/duplicate.js";
import type { Publisher } from "../../../lib/bus/publisher.js";
import { makeHeaders } from "../../../lib/bus/publishHeaders.js";
import { SharedFlush } from "../../../lib/bus/sharedFlush.js";
import { contentType, header, subjects } from "../../../lib/bus/subjects.js";
import { encodeUserToken } from "../../../lib/channel/userToken.js";
import type { Clock } from "../../../lib/clock.js";
import type { Namespace } from "../../../lib/config/namespaces.js";
import { RpcError, type Violation } from "../../../lib/errors/rpcError.js";
import { headerTextFault, MAX_KEY_BYTES, MAX_TYPE_BYTES, payloadSizeFault } from "../../../lib/message/messageRules.js";
import { checkPayload } from "../../../lib/schema/checkPayload.js";
import type { SchemaRegistry } from "../../../lib/schema/schemaRegistry.js";
import type { Position } from "../protocol/position.js";
import type { Permissions } from "./permissions.js";

/** What publishing for browsers needs. */
interface BrowserPublisherParts {
  readonly bus: Bus;
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly registry: SchemaRegistry;
  readonly permissions: Permissions;
  /** The present epoch of a namespace with history. */
  readonly epochOf: (namespace: string) => string;
}

/** What became of a publish. */
export interface PublishOutcome {
  /** Undefined where the channel has no history. */
  readonly position: Position | undefined;
  readonly duplicate: boolean;
}

const DEADLINE_MS = 5_000;

/** Publishes for browsers, where the namespace allows it: with the user id as sender, and keys that are the user's own. */
export class BrowserPublisher {
  readonly #parts: BrowserPublisherParts;
  readonly #flush: SharedFlush;

  constructor(parts: BrowserPublisherParts) {
    this.#parts = parts;
    this.#flush = new SharedFlush(parts.bus, parts.clock);
  }

  /**
   * Resolves when the message is stored; without history, when the NATS server has it. Throws NATS_UNAVAILABLE, after 5 s at the
   * latest, and the refusal: permission first, then everything that is wrong with it.
   */
  async publish(userId: string, request: Publish): Promise<PublishOutcome> {
    const { bus, publisher, clock, permissions, registry, epochOf } = this.#parts;
    const { channel, type, key } = request;
    const namespace = permissions.toPublish(userId, channel);
    const { encoding, data } = payloadOf(request);
    checkPayload(registry, namespace, { type, encoding, data });
    const headers = makeHeaders({
      [header.type]: type === "" ? undefined : type,
      [header.contentType]: encoding === "protobuf" ? contentType.protobuf : undefined,
      [header.time]: new Date(clock.nowMs()).toISOString(),
      [header.sender]: encodeUserToken(userId),
      [header.messageId]: messageId(namespace, userId, channel, key),
    });
    const subject = subjects.publish(channel);
    if (!namespace.history) {
      bus.publish(subject, data, { headers });
      await this.#flush.afterNow(DEADLINE_MS);
      return { position: undefined, duplicate: false };
    }
    const expiresAtMs = clock.monotonicMs() + DEADLINE_MS;
    const { sequence, duplicate, retried } = await publisher.publish({ subject, data, headers, deadlineMs: DEADLINE_MS });
    const position = { offset: sequence, epoch: epochOf(namespace.name) };
    if (!duplicate || !retried) return { position, duplicate };
    return { position, duplicate: await storedByAnother(bus, { channel, key, data, headers }, sequence, expiresAtMs - clock.monotonicMs()) };
  }
}

function payloadOf({ data, type, key }: Publish): { encoding: "json" | "protobuf"; data: Uint8Array } {
  const violations: Violation[] = [];
  const add = (field: string, description: string | undefined): void => {
    if (description !== undefined) violations.push({ field: `publish.${field}`, description });
  };
  const payload = data?.data;
  add("data", payload ? payloadSizeFault(payload.value.length) : "is missing");
  add("type", headerTextFault(type, MAX_TYPE_BYTES));
  add("key", headerTextFault(key, MAX_KEY_BYTES));
  if (!payload || violations.length > 0) throw RpcError.invalid(violations);
  return { encoding: payload.$case, data: payload.value };
}

/**
 * Scoped by channel and user, in a form that no backend's key (`b <channel> <key>`) can take: nobody's key hides another's
 * message. Without a key a random one, so that our own retries are stored once. Channel and user token hold no spaces.
 */
function messageId(namespace: Namespace, userId: string, channel: string, key: string): string | undefined {
  if (!namespace.history) return undefined;
  return key === "" ? `g ${randomUUID()}` : `u ${channel} ${encodeUserToken(userId)} ${key}`;
}
