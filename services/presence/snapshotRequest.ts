import { SnapshotPiece, SnapshotRequest } from "../../gen/halley/v1/heartbeat.js";
import type { Bus, BusMessage, BusSubscription } from "../../lib/bus/bus.js";
import { subjects } from "../../lib/bus/subjects.js";
import { WireReader } from "../../lib/bus/wireReader.js";
import type { Clock, Timer } from "../../lib/clock.js";
import type { Log } from "../../lib/log.js";
import type { Snapshot } from "./roster/roster.js";

/** How long the next piece may take. */
const PIECE_TIMEOUT_MS = 3_000;
/** About 25 million sessions, in pieces of 128 KiB; a connector has some ten thousand. */
const MAX_PIECES = 20_000;

/** What to ask, and whom to tell. */
export interface SnapshotRequestOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly connector: string;
  /** The whole snapshot, or undefined when the connector did not give one. Called once, unless cancelled before. */
  readonly onEnd: (snapshot: Snapshot | undefined) => void;
}

/** Asks one connector for its snapshot and puts the pieces together. */
export class SnapshotUnderWay {
  readonly #options: SnapshotRequestOptions;
  readonly #inbox: BusSubscription;
  readonly #pieces: SnapshotPiece[] = [];
  readonly #reader: WireReader<SnapshotPiece>;
  #timeout: Timer | undefined;

  /** Asks at once; throws NATS_UNAVAILABLE when disconnected. */
  constructor(options: SnapshotRequestOptions) {
    const { bus, connector } = options;
    this.#options = options;
    this.#reader = new WireReader({ decode: (bytes) => SnapshotPiece.decode(bytes), ...options });
    const reply = bus.createInbox();
    this.#inbox = bus.subscribe(reply, (message) => { this.#onPiece(message); });
    this.#wait();
    try {
      bus.publish(subjects.snapshot(connector), SnapshotRequest.encode({}).finish(), { reply });
    } catch (error) {
      this.cancel();
      throw error;
    }
  }

  /** Ends it without a word. Idempotent. */
  cancel(): void {
    this.#timeout?.cancel();
    this.#inbox.unsubscribe();
  }

  #wait(): void {
    this.#timeout?.cancel();
    this.#timeout = this.#options.clock.after(PIECE_TIMEOUT_MS, () => { this.#end(undefined); });
  }

  #onPiece(message: BusMessage): void {
    const { data, headers } = message;
    // 503: nobody listens there.
    if (data.length === 0 && headers?.code === 503) {
      this.#end(undefined);
      return;
    }
    const piece = this.#reader.read(message);
    if (!piece) {
      this.#end(undefined);
      return;
    }
    const first = this.#pieces[0] ?? piece;
    const fits = piece.index === this.#pieces.length && piece.number === first.number && piece.incarnation.equals(first.incarnation);
    if (!fits || this.#pieces.length >= MAX_PIECES) {
      this.#end(undefined);
      return;
    }
    this.#pieces.push(piece);
    if (piece.last) this.#end(this.#assemble(piece));
    else this.#wait();
  }

  #assemble({ incarnation, number, counters }: SnapshotPiece): Snapshot {
    const sessions = this.#pieces.flatMap((piece) => piece.sessions);
    const counts = this.#pieces.flatMap((piece) => piece.counts);
    return { connector: this.#options.connector, incarnation, number, sessions, counts, counters };
  }

  #end(snapshot: Snapshot | undefined): void {
    this.cancel();
    this.#options.onEnd(snapshot);
  }
}
