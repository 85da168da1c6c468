import type { Bus } from "../../../lib/bus/bus.js";
import { makeHeaders, type PublishHeaders } from "../../../lib/bus/publishHeaders.js";
import { header, streamOf, subjects, TOMBSTONE } from "../../../lib/bus/subjects.js";
import type { Clock } from "../../../lib/clock.js";
import type { Namespace } from "../../../lib/config/namespaces.js";
import { RpcError } from "../../../lib/errors/rpcError.js";
import type { Log } from "../../../lib/log.js";
import type { SchemaRegistry } from "../../../lib/schema/schemaRegistry.js";
import { type ChannelMessage, parseMessage } from "./parseMessage.js";
import type { Publication } from "./publication.js";

/** What interpreting needs. */
interface InterpreterParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: SchemaRegistry;
  /** Counts a message that is not delivered. */
  readonly onDead: (namespace: string) => void;
}

/** At most one line a second: one broken publisher must not fill the disk. */
const LOG_EVERY_MS = 1_000;

/**
 * Makes publications of messages, and deals with those that are not what they say: counted, logged, and, in namespaces
 * with history, kept once in the stream of dead letters (its message id is stream and sequence, for every connector with
 * subscribers sees the message).
 */
export class MessageInterpreter {
  readonly #parts: InterpreterParts;
  #loggedAtMs = -Infinity;
  #unlogged = 0;

  constructor(parts: InterpreterParts) {
    this.#parts = parts;
  }

  /** A publication; "tombstone" where the history was cleared; undefined for a dead letter. Never throws. */
  interpret(message: ChannelMessage, namespace: Namespace): Publication | "tombstone" | undefined {
    if (message.headers.last(header.control) === TOMBSTONE) return "tombstone";
    try {
      return parseMessage(message, namespace, this.#parts.registry);
    } catch (error) {
      this.#bury(message, namespace, RpcError.from(error, "while reading a message"));
      return undefined;
    }
  }

  #bury(message: ChannelMessage, namespace: Namespace, error: RpcError): void {
    const { bus, onDead } = this.#parts;
    onDead(namespace.name);
    this.#logNow(message, error);
    if (!namespace.history || !bus.connected) return;
    try {
      bus.publish(subjects.dead(message.channel), message.data, { headers: deadHeaders(message, namespace, error) });
    } catch (fault) {
      this.#parts.log.warn({ err: fault, channel: message.channel }, "a dead letter can't be kept");
    }
  }

  #logNow({ channel, offset }: ChannelMessage, error: RpcError): void {
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs - this.#loggedAtMs < LOG_EVERY_MS) {
      this.#unlogged += 1;
      return;
    }
    this.#loggedAtMs = nowMs;
    this.#parts.log.warn({ channel, offset, reason: error.message, unlogged: this.#unlogged }, "a message is not what it says: not delivered");
    this.#unlogged = 0;
  }
}

/** The longest reason that is kept with a dead letter. */
const MAX_REASON = 1_000;

function deadHeaders(message: ChannelMessage, namespace: Namespace, error: RpcError): PublishHeaders {
  return makeHeaders({
    [header.messageId]: `${streamOf(namespace.name)}:${String(message.offset)}`,
    [header.type]: oneLine(message.headers.last(header.type)),
    [header.contentType]: oneLine(message.headers.last(header.contentType)),
    [header.deadReason]: oneLine(error.message),
    [header.deadSequence]: String(message.offset),
  });
}

function oneLine(text: string): string | undefined {
  return text === "" ? undefined : text.replaceAll(/[\r\n]+/g, " ").slice(0, MAX_REASON);
}
