import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { startTcpProxy } from "../../test/helpers/tcpProxy.js";
import type { StressClient } from "../clients/client.js";
import type { ServiceProcess } from "../process/serviceProcess.js";
import { percentile } from "../world/percentile.js";
import type { World } from "../world/world.js";

const KIB = 1024;
const MIB = KIB * KIB;
/** About 1 MB/s. */
export const FLOOD = { bytes: 10_000, everyMs: 35, lanes: 4 } as const;
const FAST = 4;
const BEFORE_MS = 5_000;
const LOOK_EVERY_MS = 250;
/** At 1 KB/s a message of some hundred KB takes minutes; a client that gave up would not be slow any more. */
const QUIET_MS = 600_000;

/**
 * What docs/limits.md allows to wait for one client: the queue, the piece of history with which it catches up, and the message
 * that went over the brim.
 */
const QUEUED_BYTES_EACH = (256 + 128 + 16) * KIB;
/** Beside what is queued: the ring, and what the garbage collector has not come to. */
const FURTHER_BYTES = 66 * MIB;
const ALLOWED_RATIO = 3;
/** Below this a ratio says nothing on a busy machine. */
const ALLOWED_MS = 500;

/** Who reads slowly, of what, and for how long. */
export interface SlowTrialOptions {
  readonly channel: string;
  readonly slow: number;
  readonly slowMs: number;
}

/** Fast clients beside such that read 1 KB/s, then at full speed. */
export class SlowTrial {
  readonly fast: StressClient[] = [];
  readonly slow: StressClient[] = [];
  readonly #world: World;
  readonly #options: SlowTrialOptions;
  readonly #connector: ServiceProcess;
  /** Delivery times to the fast ones, in milliseconds. */
  #timesMs: number[] = [];
  #beforeMs: readonly number[] = [];
  #duringMs: readonly number[] = [];
  #beforeBytes = 0;
  #peakBytes = 0;
  #queuedBytes = 0;
  /** How late this process itself was meanwhile. */
  #ownLagMs = 0;

  constructor(world: World, options: SlowTrialOptions) {
    const [connector] = world.connectors;
    if (!connector) throw new Error("there must be a connector");
    this.#world = world;
    this.#options = options;
    this.#connector = connector;
  }

  /** Resolves when the slow ones may read as fast as they can, and nothing more is published. */
  async run(): Promise<void> {
    const { channel, slow, slowMs } = this.#options;
    const proxy = await startTcpProxy(this.#connector.port);
    this.#world.onLeave(() => proxy.stop());
    const ledger = this.#world.ledger.of(channel);
    const onPublication = (_: string, number: number): void => { this.#timesMs.push(performance.now() - (ledger.begunAtMs.get(number) ?? 0)); };
    this.fast.push(...(await this.#world.joinMany(FAST, { channels: [channel], transport: "websocket", onPublication })));
    const traffic = this.#world.traffic({ channels: [channel], ...FLOOD, ...(channel.startsWith("live") ? { lanes: 1, everyMs: 7 } : {}) });
    await pause(BEFORE_MS);
    this.#beforeMs = this.#timesMs;
    const ownLag = monitorEventLoopDelay();
    ownLag.enable();
    this.#beforeBytes = await this.#connector.memoryBytes();
    // From the first byte on: else the system's own buffers would grow to many seconds' worth.
    proxy.faults.bytesPerSecond = 1_000;
    this.slow.push(...(await this.#world.joinMany(slow, { channels: [channel], transport: "websocket", ports: () => [proxy.port], quietMs: QUIET_MS })));
    this.#timesMs = [];
    await this.#watch(slowMs);
    this.#duringMs = this.#timesMs;
    ownLag.disable();
    this.#ownLagMs = ownLag.percentile(99) / 1e6;
    proxy.faults.bytesPerSecond = 0;
    await traffic.stop();
  }

  /** Notes the figures; gives those that are too high. */
  judge(): string[] {
    const { slow } = this.#options;
    const [before, during] = [percentile(this.#beforeMs, 0.99), percentile(this.#duringMs, 0.99)];
    const [cost, queued] = [this.#peakBytes - this.#beforeBytes, this.#queuedBytes];
    const allowed = slow * QUEUED_BYTES_EACH;
    this.#world.note(`p99 of the fast ones ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms beside ${String(slow)} slow ones (x ${(during / before).toFixed(2)}); this process was ${this.#ownLagMs.toFixed(0)} ms late itself`);
    this.#world.note(`memory ${mib(this.#beforeBytes)} before, at most ${mib(this.#peakBytes)}; at most ${mib(queued)} waited for clients, ${mib(allowed)} may`);
    const faults: string[] = [];
    if (during > Math.max(ALLOWED_MS, ALLOWED_RATIO * before) + this.#ownLagMs) faults.push(`the fast ones' p99 went from ${before.toFixed(1)} to ${during.toFixed(1)} ms`);
    if (queued > allowed) faults.push(`${mib(queued)} waited for ${String(slow)} slow clients, ${mib(allowed)} are allowed`);
    if (cost > allowed + FURTHER_BYTES) faults.push(`slow clients cost ${mib(cost)}, ${mib(allowed + FURTHER_BYTES)} are allowed`);
    return faults;
  }

  /** Waits until everybody has everything. Gives whose connection did not last until then. */
  async completed(): Promise<string[]> {
    await this.#world.complete();
    return [...this.fast, ...this.slow].flatMap(({ state }) => state.closeCodes.map((code) => `${state.name} was closed with ${String(code)}`));
  }

  /** Waits until every slow one was told of what it missed. Gives who was told wrongly, or not at all. */
  async verdicts(): Promise<string[]> {
    await this.#world.until(() => this.slow.every(({ state }) => state.breaks.length > 0), "every slow one was told").catch(() => undefined);
    return [
      ...this.fast.flatMap(({ state }) => state.breaks.map((reason) => `${state.name} was fast and was told ${reason}`)),
      ...this.slow.filter(({ state }) => state.breaks.length === 0).map(({ state }) => `${state.name} was slow and was told nothing`),
    ];
  }

  async #watch(forMs: number): Promise<void> {
    const untilMs = performance.now() + forMs;
    while (performance.now() < untilMs) {
      this.#peakBytes = Math.max(this.#peakBytes, await this.#connector.memoryBytes());
      this.#queuedBytes = Math.max(this.#queuedBytes, await this.#connector.metric("halley_connector_queued_bytes"));
      await pause(LOOK_EVERY_MS);
    }
  }
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}
