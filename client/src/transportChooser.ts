import { type Clock } from "./clock.js";
import { type Transport } from "./transport.js";

/** Where the tab remembers; sessionStorage, or nothing where the browser forbids it. */
export type Memory = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** So many WebSockets in a row that never carried a message, and long-poll is tried. */
const FAILURES_BEFORE_FALLBACK = 2;
/** WebSocket is probed again after this long, doubled each time up to the cap: a proxy stays, a restart passes. */
const FIRST_PROBE_MS = 30_000;
const LAST_PROBE_MS = 600_000;

interface Fallback {
  readonly probeAtMs: number;
  readonly probes: number;
}

/**
 * Decides how to connect: the first transport, until it has failed twice without carrying a message; then the second one,
 * remembered for the tab as soon as that has worked where the first had not. A transport is trusted by the messages that
 * it carried, not by having opened.
 */
export class TransportChooser {
  readonly #transports: readonly [Transport, ...Transport[]];
  readonly #clock: Clock;
  readonly #memory: Memory | undefined;
  readonly #key: string;
  #failures = 0;
  #fallback: Fallback | undefined;

  constructor(transports: readonly [Transport, ...Transport[]], deps: { clock: Clock; memory: Memory | undefined; key: string }) {
    this.#transports = transports;
    this.#clock = deps.clock;
    this.#memory = deps.memory;
    this.#key = deps.key;
    if (transports.length > 1) this.#fallback = readFallback(this.#memory, this.#key);
  }

  /** The transport of the next attempt. */
  pick(): Transport {
    const [first, second] = this.#transports;
    return second && (this.#fallback || this.#failures >= FAILURES_BEFORE_FALLBACK) ? second : first;
  }

  /** The transport to probe and when, in milliseconds from now; undefined while the preferred one is used. */
  probe(): { readonly transport: Transport; readonly inMs: number } | undefined {
    if (!this.#fallback) return undefined;
    return { transport: this.#transports[0], inMs: Math.min(Math.max(0, this.#fallback.probeAtMs - this.#clock.nowMs()), LAST_PROBE_MS) };
  }

  /** The transport carried a message. */
  worked(transport: Transport): void {
    if (transport === this.#transports[0]) this.#remember(undefined);
    else if (!this.#fallback) this.#remember({ probeAtMs: this.#clock.nowMs() + FIRST_PROBE_MS, probes: 0 });
    this.#failures = 0;
  }

  /** A link of the transport ended without having carried a message. */
  failed(transport: Transport): void {
    if (transport !== this.#transports[0]) {
      // Neither works, so the network is to blame.
      this.#failures = 0;
      return;
    }
    this.#failures += 1;
    if (!this.#fallback) return;
    const probes = this.#fallback.probes + 1;
    this.#remember({ probeAtMs: this.#clock.nowMs() + Math.min(FIRST_PROBE_MS * 2 ** probes, LAST_PROBE_MS), probes });
  }

  #remember(fallback: Fallback | undefined): void {
    if (fallback === this.#fallback) return;
    this.#fallback = fallback;
    try {
      if (fallback) this.#memory?.setItem(this.#key, JSON.stringify(fallback));
      else this.#memory?.removeItem(this.#key);
    } catch {
      // A full or forbidden storage only costs the memory.
    }
  }
}

function readFallback(memory: Memory | undefined, key: string): Fallback | undefined {
  try {
    const { probeAtMs, probes } = JSON.parse(memory?.getItem(key) ?? "{}") as Partial<Fallback>;
    return typeof probeAtMs === "number" && typeof probes === "number" ? { probeAtMs, probes: Math.min(probes, 20) } : undefined;
  } catch {
    return undefined;
  }
}
