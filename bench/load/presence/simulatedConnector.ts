import { randomBytes } from "node:crypto";
import type { NatsConnection } from "nats";
import { Heartbeat, type SessionChange, SnapshotPiece } from "../../../gen/halley/v1/heartbeat.js";
import { subjects } from "../../../lib/bus/subjects.js";
import { SimulatedSessions } from "./simulatedSessions.js";

/** As many as fit into the 128 KiB of a connector's piece. */
const SESSIONS_PER_PIECE = 2_000;

/** The presence side of a connector without clients: what it says on NATS is what a real one would say. */
export class SimulatedConnector {
  readonly sessions: SimulatedSessions;
  readonly #nats: NatsConnection;
  readonly #name: string;
  readonly #incarnation = randomBytes(8);
  readonly #startedMs = Date.now();
  /** Users that came beside those in the seats, to be looked for. */
  readonly #guests: SessionChange[] = [];
  #number = 0;
  #snapshots = 0;

  constructor(nats: NatsConnection, index: number, seats: number) {
    this.#nats = nats;
    this.#name = `bench-${String(index)}`;
    this.sessions = new SimulatedSessions(index, seats);
    nats.subscribe(subjects.snapshot(this.#name), {
      callback: (_, { reply }) => {
        if (reply !== undefined) this.#sendSnapshot(reply);
      },
    });
    // Sessions have been here before anybody listened: the number says so, and replicas ask for a snapshot.
    this.#number = 1;
  }

  /** How many snapshots it has given. */
  get snapshots(): number {
    return this.#snapshots;
  }

  /** Sends a heartbeat with so many seats changed; none: a sign of life. */
  heartbeat(seats = 0): void {
    const changes: SessionChange[] = [];
    for (let turn = 0; turn < seats; turn++) changes.push(...this.sessions.change());
    this.#send(changes);
  }

  /** Sends a heartbeat after one that never arrives, in which a user came: only the snapshot can tell of them. */
  loseOne(guest: string): void {
    this.#guests.push({ session: randomBytes(16), change: { $case: "opened", value: { user: guest, transport: 1, sinceMs: Date.now(), channels: [] } } });
    this.#number += 1;
    this.#send([]);
  }

  #send(changes: SessionChange[]): void {
    this.#number += 1;
    const heartbeat = { connector: this.#name, incarnation: this.#incarnation, number: this.#number, changes, counts: [], counters: this.#counters(), leaving: false };
    this.#nats.publish(subjects.heartbeat(this.#name), Heartbeat.encode(heartbeat).finish());
  }

  /** All pieces at one moment: a real connector lets its other work run between them, and tells what changed meanwhile in heartbeats. */
  #sendSnapshot(reply: string): void {
    const frame = { incarnation: this.#incarnation, number: this.#number, counts: [], counters: this.#counters() };
    let index = 0;
    for (const sessions of this.sessions.pieces(SESSIONS_PER_PIECE)) {
      this.#nats.publish(reply, SnapshotPiece.encode({ ...frame, index, last: false, sessions }).finish());
      index += 1;
    }
    this.#nats.publish(reply, SnapshotPiece.encode({ ...frame, index, last: true, sessions: this.#guests }).finish());
    this.#snapshots += 1;
  }

  #counters(): { startedMs: number; publications: number; deliveries: number } {
    return { startedMs: this.#startedMs, publications: 0, deliveries: 0 };
  }
}
