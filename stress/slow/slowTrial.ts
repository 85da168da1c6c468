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
/** The pieces of history that are read at once while they catch up, and what becomes garbage by it. */
const CATCH_UP_BYTES = 66 * MIB;
/** Less than this is no flood. */
const LEAST_BYTES_PER_SECOND = 400_000;
/** Who got more than this share of what the fast ones got was not slow. */
const SLOW_SHARE = 0.1;
const ALLOWED_RATIO = 3;
/** Below this a ratio says nothing on a busy machine. */
const ALLOWED_MS = 150;

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
  /** The most in memory while the slow ones caught up. */
  #laterBytes = 0;
  #bytesPerSecond = 0;
  /** The most messages that a slow one got, and the least that a fast one did, while the lines were slow. */
  #slowCount = 0;
  #fastCount = 0;
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
    const [published, fast] = [traffic.count, this.fast.map(({ state }) => state.count)];
    await this.#watchSlow(slowMs);
    this.#duringMs = this.#timesMs;
    this.#bytesPerSecond = ((traffic.count - published) * FLOOD.bytes * 1_000) / slowMs;
    this.#slowCount = Math.max(...this.slow.map(({ state }) => state.count));
    this.#fastCount = Math.min(...this.fast.map(({ state }, at) => state.count - (fast[at] ?? 0)));
    ownLag.disable();
    this.#ownLagMs = ownLag.percentile(99) / 1e6;
    proxy.faults.bytesPerSecond = 0;
    await traffic.stop();
  }

  /** Notes the figures, when all is over; gives those that are not as they must be. */
  judge(): string[] {
    const { slow } = this.#options;
    const [before, during] = [percentile(this.#beforeMs, 0.99), percentile(this.#duringMs, 0.99)];
    const [cost, later, queued] = [this.#peakBytes - this.#beforeBytes, this.#laterBytes - this.#beforeBytes, this.#queuedBytes];
    const allowed = slow * QUEUED_BYTES_EACH;
    this.#world.note(`p99 of the fast ones ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms beside ${String(slow)} slow ones (x ${(during / before).toFixed(2)}); this process was ${this.#ownLagMs.toFixed(0)} ms late itself`);
    this.#world.note(`memory ${mib(this.#beforeBytes)} before, at most ${mib(this.#peakBytes)}, ${mib(this.#laterBytes)} while they caught up; at most ${mib(queued)} waited for clients, ${mib(allowed)} may`);
    this.#world.note(`${(this.#bytesPerSecond / 1e6).toFixed(2)} MB/s: a slow one got at most ${String(this.#slowCount)} messages, a fast one at least ${String(this.#fastCount)}`);
    const faults: string[] = [];
    if (during > Math.max(ALLOWED_MS, ALLOWED_RATIO * before) + this.#ownLagMs) faults.push(`the fast ones' p99 went from ${before.toFixed(1)} to ${during.toFixed(1)} ms`);
    if (queued > allowed) faults.push(`${mib(queued)} waited for ${String(slow)} slow clients, ${mib(allowed)} are allowed`);
    if (cost > allowed + FURTHER_BYTES) faults.push(`slow clients cost ${mib(cost)}, ${mib(allowed + FURTHER_BYTES)} are allowed`);
    if (later > allowed + FURTHER_BYTES + CATCH_UP_BYTES) faults.push(`catching up cost ${mib(later)}, ${mib(allowed + FURTHER_BYTES + CATCH_UP_BYTES)} are allowed`);
    if (this.#bytesPerSecond < LEAST_BYTES_PER_SECOND) faults.push(`only ${(this.#bytesPerSecond / 1e6).toFixed(2)} MB/s were published: no flood was tried`);
    if (this.#slowCount > this.#fastCount * SLOW_SHARE) faults.push(`a slow one got ${String(this.#slowCount)} messages, a fast one ${String(this.#fastCount)}: nobody was slow`);
    return faults;
  }

  /** Waits until everybody has everything. Gives whose connection did not last until then. */
  async completed(): Promise<string[]> {
    let isOver = false;
    const watched = this.#watch(() => isOver, (bytes) => { this.#laterBytes = Math.max(this.#laterBytes, bytes); });
    await this.#world.complete();
    isOver = true;
    await watched;
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

  #watchSlow(forMs: number): Promise<void> {
    const untilMs = performance.now() + forMs;
    return this.#watch(() => performance.now() >= untilMs, (bytes) => { this.#peakBytes = Math.max(this.#peakBytes, bytes); });
  }

  async #watch(isOver: () => boolean, take: (bytes: number) => void): Promise<void> {
    while (!isOver()) {
      take(await this.#connector.memoryBytes());
      this.#queuedBytes = Math.max(this.#queuedBytes, await this.#connector.metric("halley_connector_queued_bytes"));
      await pause(LOOK_EVERY_MS);
    }
  }
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}
