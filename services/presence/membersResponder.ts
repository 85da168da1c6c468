import { ListChannelMembersRequest, ListChannelMembersResponse } from "../../gen/halley/v1/presence.js";
import type { Bus, BusMessage, BusSubscription } from "../../lib/bus/bus.js";
import { subjects } from "../../lib/bus/subjects.js";
import { WireReader } from "../../lib/bus/wireReader.js";
import type { Clock } from "../../lib/clock.js";
import type { Log } from "../../lib/log.js";
import type { Namespaces } from "../../lib/config/namespaces.js";
import { membersOf } from "./replies.js";
import { assertPresenceOn, assertValid, channelViolation, readPageRequest } from "./requests.js";
import type { Roster } from "./roster/roster.js";

/** What it answers from. */
export interface MembersOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly roster: Roster;
  readonly namespaces: Namespaces;
}

/**
 * Answers connectors who ask for a page of a channel's members over NATS; one ready replica answers each. Connectors have
 * checked who asks for what: a request that is not valid is a fault, is logged, and gets an empty page.
 */
export class MembersResponder {
  readonly #options: MembersOptions;
  readonly #requests: WireReader<ListChannelMembersRequest>;
  #subscription: BusSubscription | undefined;

  constructor(options: MembersOptions) {
    this.#options = options;
    this.#requests = new WireReader({ decode: (bytes) => ListChannelMembersRequest.decode(bytes), ...options });
  }

  /** Answers from now on, or leaves it to other replicas. Idempotent. */
  setAnswering(answering: boolean): void {
    if (answering === (this.#subscription !== undefined)) return;
    this.#subscription?.unsubscribe();
    const { bus } = this.#options;
    this.#subscription = answering ? bus.subscribe(subjects.members, (message) => { this.#answer(message); }, { queue: "presence" }) : undefined;
  }

  #answer(message: BusMessage): void {
    const { roster, namespaces, clock, log } = this.#options;
    const request = this.#requests.read(message);
    if (!request) {
      message.respond(new Uint8Array());
      return;
    }
    const { channel, pageSize, pageToken } = request;
    try {
      const violations = channelViolation(channel);
      const page = readPageRequest(pageSize, pageToken, violations);
      assertValid(violations);
      assertPresenceOn(channel, namespaces);
      message.respond(ListChannelMembersResponse.encode(membersOf(roster, channel, page, clock.nowMs())).finish());
    } catch (error) {
      log.warn({ err: error, channel }, "a connector asked for members that it must not ask for");
      message.respond(new Uint8Array());
    }
  }
}
