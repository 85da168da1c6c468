import { Faults } from "../../../lib/faults.js";
import type { Log } from "../../../lib/log.js";
import { Seats } from "../../../lib/seats.js";
import { Batch } from "./batch.js";
import { Bursts } from "./bursts.js";
import type { Hole, ResetReason, Subscriber } from "./channel.js";
import type { Publication } from "./publication.js";
import type { Deliverable, TurnEnd } from "./turnEnd.js";

/** So much is handed over before the turn ends: what waits is bounded, whatever NATS sends in one. */
const BATCH_MESSAGES = 100;
const BATCH_BYTES = 256 * 1024;
/** Subscribers from which on writing takes more than a millisecond, so that a burst is worth waiting a millisecond for. */
const MANY = 250;

/**
 * The subscribers of one channel. What comes in one turn of the event loop is handed to each of them in one piece at its
 * end, or a millisecond later where many are subscribed and messages come in bursts; so whoever looks at how far they are, or joins them, must `deliver` before.
 */
export class Fanout implements Deliverable {
  readonly #turnEnd: TurnEnd;
  readonly #log: Log;
  readonly #subscribers = new Seats<Subscriber>();
  #waiting: Publication[] = [];
  #waitingBytes = 0;
  #before = 0;
  /** Of channels with many subscribers only. */
  #bursts: Bursts | undefined;
  #gathers = false;
  /** The writing of what was handed over last. */
  #writing = 0;

  constructor(turnEnd: TurnEnd, log: Log) {
    this.#turnEnd = turnEnd;
    this.#log = log;
  }

  /** Joins, from the next publication on; gives the seat to `detach`. Whoever is attached must not join again. */
  attach(subscriber: Subscriber): number {
    this.deliver();
    return this.#subscribers.add(subscriber);
  }

  /** Leaves; gets nothing more, not even what came in this turn. Idempotent. */
  detach(seat: number, subscriber: Subscriber): void {
    this.#subscribers.delete(seat, subscriber);
  }

  /** A publication, and the channel's offset before it. */
  push(publication: Publication, before: number): void {
    if (this.#subscribers.size === 0) return;
    if (this.#waiting.length === 0) {
      this.#before = before;
      this.#awaitEnd();
    }
    this.#waiting.push(publication);
    this.#waitingBytes += publication.heldBytes;
    if (this.#waiting.length >= BATCH_MESSAGES || this.#waitingBytes >= BATCH_BYTES) this.deliver();
  }

  /** Hands over what waits, if anything does. */
  deliver(): void {
    const [first, ...rest] = this.#waiting;
    if (!first) return;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (this.#gathers) this.#bursts?.onGathered(rest.length + 1);
    this.#gathers = false;
    this.#writing = this.#turnEnd.writing;
    const batch = new Batch([first, ...rest], this.#before);
    this.#tellAll((subscriber) => { subscriber.onPublications(batch); });
  }

  #awaitEnd(): void {
    if (this.#subscribers.size >= MANY) {
      this.#bursts ??= new Bursts();
      this.#bursts.onFirst(this.#turnEnd.sinceWritingMs(this.#writing));
    } else this.#bursts = undefined;
    this.#gathers = this.#bursts?.areLikely ?? false;
    if (this.#gathers) this.#turnEnd.deliverSoon(this);
    else this.#turnEnd.deliverAtEnd(this);
  }

  /** Tells all of a reset, behind what came before it. */
  reset(reason: ResetReason, hole?: Hole): void {
    this.deliver();
    this.#tellAll((subscriber) => { subscriber.onReset(reason, hole); });
  }

  /** Lets all go, without what waits. */
  clear(): void {
    this.#subscribers.clear();
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  /** Tells each of them; one that can't take it begins again from its position, and the others don't notice. */
  #tellAll(tell: (subscriber: Subscriber) => void): void {
    let faults: Faults | undefined;
    this.#subscribers.forEach((subscriber) => {
      try {
        tell(subscriber);
      } catch (error) {
        (faults ??= new Faults()).add(error);
        subscriber.onFault();
      }
    });
    faults?.tell(this.#log, "what came on a channel could not be handed over");
  }
}
