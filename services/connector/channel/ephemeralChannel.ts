import type { Bus, BusHeaders, BusMessage, BusSubscription } from "../../../lib/bus/bus.js";
import { noHeaders } from "../../../lib/bus/headerBlock.js";
import { subjects } from "../../../lib/bus/subjects.js";
import type { Log } from "../../../lib/log.js";
import type { Position } from "../protocol/position.js";
import type { Channel, Chunk, ChunkLimits, Subscriber } from "./channel.js";
import { Fanout } from "./fanout.js";
import type { ChannelMessage } from "./parseMessage.js";
import type { Publication } from "./publication.js";
import { Ring } from "./ring.js";
import type { RingBudget } from "./ringBudget.js";
import type { TurnEnd } from "./turnEnd.js";

/** What the channels of a namespace without history share. */
export interface EphemeralChannelParts {
  readonly bus: Bus;
  readonly budget: RingBudget;
  readonly ringBytes: number;
  readonly subscribe: (subject: string, handler: (message: BusMessage) => void) => BusSubscription;
  readonly interpret: (message: ChannelMessage) => Publication | "tombstone" | undefined;
  /** Settles when NATS has taken the interests that were sent before this call, or can't. */
  readonly flush: () => Promise<void>;
  /** Told of each message that was taken from NATS. */
  readonly onMessage: () => void;
  readonly turnEnd: TurnEnd;
  readonly log: Log;
  /** Gives an epoch that was never used before. */
  readonly newEpoch: () => string;
}

/**
 * A channel without history: offsets count here, the epoch is this connector's own, and the ring is all the history there
 * is. A client that comes back to the same connector in time misses nothing; elsewhere nothing can be proven.
 */
export class EphemeralChannel implements Channel {
  readonly name: string;
  readonly isProvable = true;
  readonly #parts: EphemeralChannelParts;
  readonly #interest: BusSubscription;
  readonly #stopListening: () => void;
  readonly #fanout: Fanout;
  readonly #ring: Ring;
  #epoch: string;
  #last = 0;
  #isOpen = false;
  #isClosed = false;
  /** Times that it began to wait for its interest anew. */
  #reconnects = 0;

  constructor(name: string, parts: EphemeralChannelParts) {
    this.name = name;
    this.#parts = parts;
    this.#fanout = new Fanout(parts.turnEnd, parts.log);
    this.#epoch = parts.newEpoch();
    this.#ring = new Ring(0, parts.ringBytes, parts.budget);
    this.#interest = parts.subscribe(subjects.publish(name), (message) => { this.#onMessage(message); });
    this.#stopListening = parts.bus.onEvent((event) => {
      if (event === "reconnected") this.#beginAgain();
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get position(): Position {
    return { offset: this.#last, epoch: this.#epoch };
  }

  provenWatermark(): undefined {
    return undefined;
  }

  /** Resolves when NATS has taken our interest. */
  async opened(): Promise<void> {
    await this.#parts.flush();
    this.#isOpen = true;
  }

  recent({ offset, epoch }: Position, { chunkMessages, chunkBytes }: ChunkLimits): Chunk {
    if (epoch !== this.#epoch || offset > this.#last) return this.#lost(this.#last);
    // Too slow for the ring: the newest that are still there follow.
    if (offset < this.#ring.floor) return this.#lost(this.#ring.floor);
    const publications = this.#ring.since(offset, chunkMessages, chunkBytes);
    return { publications, position: { offset: publications.at(-1)?.offset ?? this.#last, epoch }, continuous: true };
  }

  recover(): Promise<Chunk> {
    return Promise.resolve(this.#lost(this.#last));
  }

  attach(subscriber: Subscriber): number {
    return this.#fanout.attach(subscriber);
  }

  detach(seat: number, subscriber: Subscriber): void {
    this.#fanout.detach(seat, subscriber);
  }

  close(): void {
    this.#isClosed = true;
    this.#interest.unsubscribe();
    this.#stopListening();
    this.#ring.clear(this.#last);
    this.#fanout.clear();
  }

  #lost(offset: number): Chunk {
    return { publications: [], position: { offset, epoch: this.#epoch }, continuous: false };
  }

  #onMessage(message: BusMessage): void {
    this.#parts.onMessage();
    const before = this.#last;
    const offset = before + 1;
    const publication = this.#parts.interpret({ channel: this.name, offset, headers: readable(message), data: message.data });
    if (publication === undefined || publication === "tombstone") return;
    this.#last = offset;
    this.#ring.push(publication);
    this.#fanout.push(publication, before);
  }

  /**
   * What passes until NATS has our interest again is unknown: then the subscribers are told, and also where that takes long. Nobody
   * recovers over it meanwhile.
   */
  #beginAgain(): void {
    this.#reconnects += 1;
    const reconnect = this.#reconnects;
    this.#changeEpoch();
    const tell = (): void => {
      this.#changeEpoch();
      this.#fanout.reset("NATS_DISCONNECTED");
    };
    this.#parts.flush().then(tell, () => {
      tell();
      if (this.#parts.bus.connected && reconnect === this.#reconnects && !this.#isClosed) this.#beginAgain();
    });
  }

  #changeEpoch(): void {
    this.#fanout.deliver();
    this.#epoch = this.#parts.newEpoch();
    this.#ring.clear(this.#last);
  }
}

function readable(message: BusMessage): BusHeaders {
  try {
    return message.headers ?? noHeaders;
  } catch {
    return noHeaders;
  }
}
