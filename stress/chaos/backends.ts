import { setTimeout as pause } from "node:timers/promises";
import { TEST_API_KEY } from "../../test/helpers/installation.js";
import { type CallFailure, TestPublisher, toTarget } from "../../test/helpers/publishService.js";
import type { Position } from "../clients/protocol.js";
import type { Random } from "../random.js";
import { isWithoutHistory } from "../world/ledger.js";
import type { World } from "../world/world.js";
import { type Crowd, LIVE, LONG, SHORT, USERS } from "./crowd.js";

/** One publisher, which waits for its answer and asks again under the same key until there is one. */
interface Lane {
  readonly name: string;
  readonly everyMs: number;
  readonly channel: () => string;
  /** One try. Gives the position, nothing where nothing is stored; throws to be asked again. */
  send(channel: string, n: number): Promise<Position | undefined>;
  /** How many numbers were used. */
  last: number;
  isIdle: boolean;
}

const DEADLINE_MS = 6_000;
const RETRY_MS = 20;
/** What a publish may never be told: INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, UNAUTHENTICATED, and INTERNAL. */
const FINAL = new Set([3, 5, 7, 13, 16]);
/** Numbers of a lane; records know publishers by it. */
const NUMBERS_EACH = 10_000_000;
const BROWSERS = 8;
const IDLE_MS = 45_000;
const LIVE_MS = 15_000;

/** A refusal that no retry mends. */
class Refusal extends Error {}

/** All who publish: backends over gRPC and straight onto NATS, and browsers. They can be told to wait. */
export class Backends {
  readonly faults: string[] = [];
  readonly #world: World;
  readonly #random: Random;
  readonly #publishers: TestPublisher[];
  readonly #lanes: Lane[] = [];
  readonly #runs: Promise<void>[];
  #isPaused = false;
  #isStopped = false;

  constructor(world: World, crowd: Crowd, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#publishers = world.publishes.map(({ port }) => new TestPublisher(port, TEST_API_KEY));
    for (const [at, everyMs] of [60, 120].entries()) this.#addGrpc(`backend ${String(at)}`, everyMs, () => random.pick(LONG));
    this.#addGrpc("backend of inboxes", 150, () => (random.next() < 0.2 ? "all" : `user.u${String(random.between(0, USERS - 1))}`));
    this.#addGrpc("backend of short", 400, () => random.pick(SHORT));
    // Nothing stored means nothing to retry against, and one publisher for each channel.
    for (const channel of LIVE) this.#addGrpc(`backend of ${channel}`, 250, () => channel);
    this.#add("backend on NATS", 150, { channel: () => random.pick(LONG), send: (channel, n) => this.#sendOnNats(channel, n) });
    for (const { client, user } of crowd.people.slice(0, BROWSERS)) {
      const chat = LONG.filter((channel) => channel.startsWith("chat."));
      this.#add(`browser of ${user}`, 700, { channel: () => random.pick(chat), send: async (channel, n) => {
        const { published, error } = await client.publish(channel, n, String(n));
        if (!published?.position) throw new Refusal(error?.reason ?? "without a position");
        return published.position;
      } });
    }
    this.#runs = this.#lanes.map((lane) => this.#run(lane));
  }

  /** They publish nothing new; resolves when everything under way is acknowledged. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    const deadline = Date.now() + IDLE_MS;
    while (!this.#lanes.every(({ isIdle }) => isIdle) && Date.now() < deadline) await pause(20);
    for (const { name, isIdle } of this.#lanes) if (!isIdle) this.faults.push(`${name}: a publish is not acknowledged ${String(IDLE_MS)} ms after the last fault`);
  }

  /** While they pause: one message on each channel without history. Gives the numbers, by channel, of those that were acknowledged. */
  async publishLive(): Promise<ReadonlyMap<string, number>> {
    const sent = new Map<string, number>();
    for (const lane of this.#lanes.filter(({ channel }) => isWithoutHistory(channel()))) {
      const channel = lane.channel();
      const before = this.#world.ledger.of(channel).sent.length;
      const untilMs = Date.now() + LIVE_MS;
      while (this.#world.ledger.of(channel).sent.length === before && Date.now() < untilMs) {
        await this.#publishOne(lane);
        // A gRPC channel that has lost its service tries to come back after a second, and then more seldom.
        if (this.#world.ledger.of(channel).sent.length === before) await pause(500);
      }
      if (this.#world.ledger.of(channel).sent.length > before) sent.set(channel, lane.last);
      else this.faults.push(`${lane.name}: nothing is acknowledged though all is well`);
    }
    return sent;
  }

  resume(): void {
    this.#isPaused = false;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.race([Promise.all(this.#runs), pause(DEADLINE_MS)]);
    for (const publisher of this.#publishers) publisher.close();
  }

  #addGrpc(name: string, everyMs: number, channel: () => string): void {
    this.#add(name, everyMs, { channel, send: (one, n) => this.#sendOverGrpc(one, n) });
  }

  #add(name: string, everyMs: number, how: Pick<Lane, "channel" | "send">): void {
    this.#lanes.push({ name, everyMs, ...how, last: (this.#lanes.length + 1) * NUMBERS_EACH, isIdle: false });
  }

  async #run(lane: Lane): Promise<void> {
    while (!this.#isStopped) {
      lane.isIdle = this.#isPaused;
      if (!this.#isPaused) await this.#publishOne(lane);
      await pause(lane.everyMs);
    }
  }

  async #publishOne(lane: Lane): Promise<void> {
    const channel = lane.channel();
    const ledger = this.#world.ledger.of(channel);
    const n = ++lane.last;
    ledger.begin(n);
    while (!this.#isStopped) {
      try {
        const position = await lane.send(channel, n);
        const fault = position && ledger.acknowledge(position, n);
        if (!position) ledger.acknowledgeSent(n);
        if (fault !== undefined) this.faults.push(`${lane.name}: ${channel}: ${fault}`);
        return;
      } catch (error) {
        if (error instanceof Refusal) {
          this.faults.push(`${lane.name}: ${channel}: refused: ${error.message}`);
          return;
        }
        if (isWithoutHistory(channel)) return;
        await pause(RETRY_MS);
      }
    }
  }

  async #sendOverGrpc(channel: string, n: number): Promise<Position | undefined> {
    try {
      const { position } = await this.#random.pick(this.#publishers).publish(toTarget(channel, { n }, String(n)), DEADLINE_MS);
      return position;
    } catch (error) {
      const { code, message } = error as CallFailure;
      if (FINAL.has(code)) throw new Refusal(`${String(code)}: ${message}`);
      throw error;
    }
  }

  async #sendOnNats(channel: string, n: number): Promise<Position> {
    const direct = await this.#world.direct();
    return direct.publish(channel, `{"n":${String(n)}}`, { "Nats-Msg-Id": `direct-${String(n)}` });
  }
}
