import type { BusMessage, BusSubscription } from "../../../lib/bus/bus.js";
import type { Clock } from "../../../lib/clock.js";
import type { Log } from "../../../lib/log.js";
import type { NamespaceFeed } from "./namespaceFeed.js";
import type { ChannelMessage } from "./parseMessage.js";
import type { Publication } from "./publication.js";
import type { RingBudget } from "./ringBudget.js";
import type { TurnEnd } from "./turnEnd.js";
import type { WaitingBounds } from "./waitingMessages.js";

/** What the channels of a namespace with history share. One object for all: there are as many channels as users. */
export interface StoredChannelParts extends WaitingBounds {
  readonly feed: NamespaceFeed;
  readonly budget: RingBudget;
  readonly ringBytes: number;
  readonly subscribe: (subject: string, handler: (message: BusMessage) => void) => BusSubscription;
  /** A publication, a tombstone, or undefined for a message that is not delivered (and has been dealt with). */
  readonly interpret: (message: ChannelMessage) => Publication | "tombstone" | undefined;
  /** Told of each message that was taken from NATS. */
  readonly onMessage: () => void;
  /** Told when a hole was found and how many messages were read to fill it. */
  readonly onRepaired: (messages: number) => void;
  readonly turnEnd: TurnEnd;
  readonly clock: Clock;
  readonly log: Log;
}
