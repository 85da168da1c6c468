import { Heartbeat, SnapshotPiece } from "../../../gen/halley/v1/heartbeat.js";
import type { Bus, BusMessage, BusSubscription } from "../../../lib/bus/bus.js";
import { subjects } from "../../../lib/bus/subjects.js";
import type { Clock, Timer } from "../../../lib/clock.js";
import type { Log } from "../../../lib/log.js";
import type { Grace } from "../session/presenceSink.js";
import { Ledger, type OpenedSession, type Piece } from "./ledger.js";

/** What a reporter works with. */
export interface ReporterOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  /** The connector's name: one token of a subject, unique in the installation. */
  readonly connector: string;
  /** 8 random bytes, new at every start. */
  readonly incarnation: Uint8Array;
  /** A heartbeat at least this often. Default 5,000. */
  readonly heartbeatMs?: number;
}

const HEARTBEAT_MS = 5_000;
/** Changes are told this long after the first of them: well within the 200 ms that are promised. */
const GATHER_MS = 100;
/** So many pending changes are told at once. */
const MAX_PENDING = 5_000;
const MAX_HEARTBEAT_BYTES = 480 * 2 ** 10;
/** Encoding a piece takes a millisecond or two, between which the connector does its work. */
const MAX_PIECE_BYTES = 128 * 2 ** 10;
/** Snapshots under way at a time; a replica whose request is passed over asks again. */
const MAX_SNAPSHOTS = 8;

/**
 * Tells the presence replicas who is at this connector: changes within 200 ms, a heartbeat every 5 s in any case, everything
 * when asked. All methods return at once. While NATS is away nothing is kept but the state itself; the numbers go on, so
 * that replicas notice and ask for a snapshot.
 */
export class PresenceReporter {
  readonly #options: ReporterOptions;
  readonly #ledger = new Ledger();
  readonly #startedMs: number;
  readonly #heartbeats: Timer;
  readonly #requests: BusSubscription;
  readonly #stopListening: () => void;
  #gathering: Timer | undefined;
  #number = 0;
  #publications = 0;
  #deliveries = 0;
  #snapshots = 0;
  /** Of snapshots under way: one each. */
  readonly #nextPieces = new Set<Timer>();
  #stopped = false;

  /** Sends its first heartbeat at once. */
  constructor(options: ReporterOptions) {
    const { bus, clock, connector, heartbeatMs = HEARTBEAT_MS } = options;
    this.#options = options;
    this.#startedMs = clock.nowMs();
    this.#heartbeats = clock.every(heartbeatMs, () => { this.#send(); });
    this.#requests = bus.subscribe(subjects.snapshot(connector), (request) => { this.#onRequest(request); });
    this.#stopListening = bus.onEvent((event) => {
      if (event === "reconnected") this.#send();
    });
    this.#send();
  }

  /** How many sessions are here. */
  get sessions(): number {
    return this.#ledger.size;
  }

  /**
   * A session is here, on a new connection, also when it was here before. Its channels must be joined again, for which
   * presence waits 5 s before it tells of a leave.
   */
  sessionOpened(session: OpenedSession): void {
    this.#ledger.open(session);
    this.#changed();
  }

  /**
   * A session is no longer here and, unless it comes back here or elsewhere within its grace, gone: 5,000 ms after an unclean end,
   * also when it went to another connector. Its channels need not be left one by one.
   */
  sessionClosed(id: Uint8Array, grace: Grace): void {
    this.#ledger.close(id, grace);
    this.#changed();
  }

  /** A session subscribed to a channel of a namespace with presence on. */
  joined(id: Uint8Array, channel: string): void {
    this.#ledger.setMember(id, channel, true);
    this.#changed();
  }

  /** It unsubscribed. */
  left(id: Uint8Array, channel: string): void {
    this.#ledger.setMember(id, channel, false);
    this.#changed();
  }

  /** How many sessions are subscribed to a channel here; 0: none any more. Inboxes (`user.<id>`) may be told and are not kept. */
  subscriberCount(channel: string, sessions: number): void {
    this.#ledger.setCount(channel, sessions);
    this.#changed();
  }

  /** Adds to the publications taken from NATS. */
  countPublications(count: number): void {
    this.#publications += count;
  }

  /** Adds to the publications written to sessions. */
  countDeliveries(count: number): void {
    this.#deliveries += count;
  }

  /** Tells that the connector leaves, with what has changed; sessions that are still here get a grace of 5 s. Idempotent. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#heartbeats.cancel();
    this.#requests.unsubscribe();
    this.#stopListening();
    for (const timer of this.#nextPieces) timer.cancel();
    this.#send(true);
  }

  #changed(): void {
    if (this.#stopped || this.#ledger.pending === 0) return;
    if (this.#ledger.pending >= MAX_PENDING) this.#send();
    else this.#gathering ??= this.#options.clock.after(GATHER_MS, () => { this.#send(); });
  }

  /** Sends what is pending, and a heartbeat even when nothing is. */
  #send(leaving = false): void {
    this.#gathering?.cancel();
    this.#gathering = undefined;
    const pieces = this.#ledger.takePending(MAX_HEARTBEAT_BYTES);
    if (pieces.length === 0) pieces.push({ changes: [], counts: [] });
    for (const [at, piece] of pieces.entries()) this.#sendOne(piece, leaving && at === pieces.length - 1);
  }

  #sendOne({ changes, counts }: Piece, leaving: boolean): void {
    const { bus, connector, log } = this.#options;
    // The number is used up also when the message can't be sent: the gap is what tells replicas.
    this.#number += 1;
    if (!bus.connected) return;
    const incarnation = Buffer.from(this.#options.incarnation);
    const heartbeat = { connector, incarnation, number: this.#number, changes, counts, counters: this.#counters(), leaving };
    try {
      bus.publish(subjects.heartbeat(connector), Heartbeat.encode(heartbeat).finish());
    } catch (error) {
      log.warn({ err: error }, "a presence heartbeat could not be sent; replicas will ask for a snapshot");
    }
  }

  #onRequest({ reply }: BusMessage): void {
    if (reply === undefined || this.#snapshots >= MAX_SNAPSHOTS) return;
    // What is pending goes first, so that the snapshot holds after a heartbeat that replicas get.
    this.#send();
    const frame = { incarnation: Buffer.from(this.#options.incarnation), number: this.#number };
    const pieces = this.#ledger.all(MAX_PIECE_BYTES);
    this.#snapshots += 1;
    this.#sendPiece({ reply, frame, pieces, index: 0, next: pieces.next() });
  }

  #sendPiece(snapshot: SnapshotUnderWay): void {
    const { bus, clock, log } = this.#options;
    const { reply, frame, pieces, index, next } = snapshot;
    try {
      const told: Piece = next.done ? { changes: [], counts: [] } : next.value;
      const following = next.done ? next : pieces.next();
      const last = following.done === true;
      const piece = { ...frame, index, last, sessions: told.changes, counts: told.counts, counters: this.#counters() };
      bus.publish(reply, SnapshotPiece.encode(piece).finish());
      if (last) this.#snapshots -= 1;
      else {
        const timer = clock.after(0, () => {
          this.#nextPieces.delete(timer);
          this.#sendPiece({ ...snapshot, index: index + 1, next: following });
        });
        this.#nextPieces.add(timer);
      }
    } catch (error) {
      this.#snapshots -= 1;
      log.warn({ err: error }, "a presence snapshot could not be sent; the replica will ask again");
    }
  }

  #counters(): { startedMs: number; publications: number; deliveries: number } {
    return { startedMs: this.#startedMs, publications: this.#publications, deliveries: this.#deliveries };
  }
}

interface SnapshotUnderWay {
  readonly reply: string;
  readonly frame: { readonly incarnation: Buffer; readonly number: number };
  readonly pieces: Generator<Piece>;
  readonly index: number;
  readonly next: IteratorResult<Piece>;
}
