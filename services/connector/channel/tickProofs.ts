import type { Clock } from "../../../lib/clock.js";
import type { NamespaceProofs } from "./namespaceProofs.js";

/** A tick proves what is before it when a later one has come, at least so long after it; in milliseconds. */
export const TICK_HOLD_MS = 1_000;

/** A tick whose proof is begun. */
interface HeldTick {
  readonly serial: number;
  readonly sequence: number;
  readonly atMs: number;
}

/**
 * What ticks prove on one server, where the connection that brings them brings the messages, too. Not at once: a nats-server
 * of 2.9 sends on what several connections publish up to a moment out of order, so that a message may come behind a tick that
 * was stored after it. (2.15 keeps the order.)
 *
 * Worked example: the message 99 and the tick 100, of two connections, come as 100, 99. The tick 104 comes 3 s later, behind
 * both: now everything up to 100 is proven.
 */
export class TickProofs {
  readonly #proofs: NamespaceProofs;
  readonly #clock: Clock;
  readonly #holdMs: number;
  #held: HeldTick | undefined;

  constructor(proofs: NamespaceProofs, clock: Clock, holdMs = TICK_HOLD_MS) {
    this.#proofs = proofs;
    this.#clock = clock;
    this.#holdMs = holdMs;
  }

  /** A tick has come: one before it may prove now. */
  saw(sequence: number): void {
    const nowMs = this.#clock.monotonicMs();
    const held = this.#held;
    if (held && nowMs - held.atMs < this.#holdMs) return;
    if (held) this.#proofs.complete(held.serial, held.sequence, held.atMs);
    this.#held = { serial: this.#proofs.begin(), sequence, atMs: nowMs };
  }
}
