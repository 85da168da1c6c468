import type { Bus, BusSubscription } from "../../../lib/bus/bus.js";
import { fetchMessage } from "../../../lib/bus/fetchMessage.js";
import { History } from "../../../lib/bus/history.js";
import { assertReached } from "../../../lib/bus/replacedLeader.js";
import { OLDEST_CLUSTER, olderThan } from "../../../lib/bus/serverVersion.js";
import { SharedRequest } from "../../../lib/bus/sharedRequest.js";
import { isOlderState, type StreamInfo } from "../../../lib/bus/streamInfo.js";
import { subjects } from "../../../lib/bus/subjects.js";
import type { Clock } from "../../../lib/clock.js";
import type { Namespace } from "../../../lib/config/namespaces.js";
import { RpcError } from "../../../lib/errors/rpcError.js";
import type { Log } from "../../../lib/log.js";
import { Semaphore } from "../../../lib/semaphore.js";
import { Audit, type AuditedChannel } from "./audit.js";
import { NamespaceProofs } from "./namespaceProofs.js";
import { TickProofs } from "./tickProofs.js";
import { type TickChain, Ticks } from "./ticks.js";
import { type Seen, Witness } from "./witness.js";

/** A channel of the namespace, as its feed sees it. */
export interface FeedChannel extends AuditedChannel {
  /** The connection is gone: nothing is proven from here on. */
  suspend(): void;
  /** The namespace has another history now. */
  changeEpoch(): void;
}

/** What a feed needs. */
export interface FeedParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a tick must be old before a later one makes it a proof, in milliseconds; TICK_HOLD_MS where left out. */
  readonly tickHoldMs?: number;
}

/** Reads of one namespace under way at a time: JetStream answers about 30,000 a second, whatever more is asked at once. */
const CONCURRENT_READS = 256;
const EPOCH_TIMEOUT_MS = 2_000;

/**
 * The history of one namespace as this connector follows it: which history it is (epoch), up to where it is proven
 * (by ticks on one standalone server, by audits elsewhere), and the channels that must be told when either breaks.
 */
export class NamespaceFeed {
  readonly namespace: Namespace;
  readonly history: History;
  readonly proofs: NamespaceProofs;
  readonly reads = new Semaphore(CONCURRENT_READS);
  readonly #bus: Bus;
  readonly #channels = new Set<FeedChannel>();
  readonly #ticks: Ticks;
  readonly #tickProofs: TickProofs;
  readonly #witness = new Witness();
  readonly #audit: Audit;
  readonly #log: Log;
  readonly #refresh: SharedRequest<void>;
  readonly #stopListening: () => void;
  /** The history that is followed, as it was when it was last asked for. */
  #info: StreamInfo | undefined;
  /** Questions which history it is, and the newest of them that is answered. */
  #asked = 0;
  #answered = 0;
  #ticksProve = false;
  #leaders: BusSubscription | undefined;

  constructor(namespace: Namespace, { bus, clock, log, tickHoldMs }: FeedParts) {
    this.namespace = namespace;
    this.#bus = bus;
    this.#log = log.child({ namespace: namespace.name });
    this.history = new History(bus, namespace.name, clock);
    this.proofs = new NamespaceProofs(clock);
    this.#tickProofs = new TickProofs(this.proofs, clock, tickHoldMs);
    this.#ticks = new Ticks({ bus, clock, namespace: namespace.name, wanted: () => this.#channels.size > 0, onTick: (tick, chain) => { this.#onTick(tick, chain); } });
    this.#refresh = new SharedRequest(() => this.#refreshNow(), clock, 0);
    this.#audit = new Audit({
      clock,
      log: this.#log,
      history: this.history,
      proofs: this.proofs,
      channels: () => this.#channels,
      refresh: () => this.#refreshForAudit(),
      epoch: () => this.epoch,
      tickSubject: subjects.tick(namespace.name),
      recentTick: () => this.#ticks.recent(),
    });
    this.#stopListening = bus.onEvent((event) => {
      if (event === "disconnected") {
        this.#witness.doubt();
        for (const channel of this.#channels) channel.suspend();
      } else if (event === "reconnected") for (const channel of this.#channels) channel.resync();
    });
  }

  /** Begins to follow. Rejects when the stream is not there (JetStreamError 10059) or NATS doesn't answer. */
  async start(): Promise<void> {
    await this.refresh();
    this.#ticks.start();
    this.#audit.start();
    this.#leaders = this.#bus.subscribe(subjects.leaderElected(this.namespace.name), () => { this.#audit.hurry(); });
  }

  /** Names the present history. */
  get epoch(): string {
    return this.#info?.epoch ?? "";
  }

  /** Whether recovery can be proven here: replicas of clusters older than 2.11 may differ for good. */
  get isProvable(): boolean {
    return !this.#bus.clustered || !olderThan(this.#bus.serverVersion, OLDEST_CLUSTER);
  }

  /** Whether the messages before a tick come before it, too: on one server, not across routes. */
  get ticksProve(): boolean {
    return this.#ticksProve;
  }

  /** The newest tick that was seen on this connection, 0 before the first. */
  get tick(): number {
    return this.#ticks.sequence;
  }

  /** The republished subject of a channel, and the one under which it is stored. */
  subjectsOf(channel: string): { readonly live: string; readonly stored: string } {
    return { live: subjects.republish(channel), stored: subjects.publish(channel) };
  }

  /**
   * Asks which history it is, after this call. Tells the channels when it is another one than before. A stream that was
   * rolled back gets a new epoch first; rejects with a retryable error while the publish service can't give it one.
   */
  refresh(): Promise<void> {
    return this.#refresh.afterNow();
  }

  async #refreshNow(): Promise<void> {
    let turn = ++this.#asked;
    // Taken before asking: while NATS catches up, a newer tick may overtake the answer.
    const seen = this.#witness.message;
    const known = this.#info;
    let info = await this.#ask(known);
    const isOlder = known !== undefined && isOlderState(info, known);
    if (isOlder || (seen && info.epoch === known?.epoch && (await this.#isRolledBack(info, seen)))) {
      this.#log.error({ lastSequence: info.lastSequence, leader: info.leader, seen: seen?.sequence, isOlder }, "the stream has lost messages that it had stored: asking for a new epoch");
      const { epoch: disproved } = info;
      await this.#raiseEpoch(disproved);
      turn = ++this.#asked;
      info = await this.history.infoAfterNow();
      if (info.epoch === disproved) throw RpcError.natsUnavailable(`the epoch of ${this.namespace.name} was raised a moment ago and can't be raised again so soon`);
    }
    // A question that was asked later is answered: what this one says may be older.
    if (turn < this.#answered) return;
    this.#answered = turn;
    // On one server, stream and subscribers share a connection's order. Across routes only an audit proves anything.
    this.#ticksProve = !this.#bus.clustered && (!info.clustered || info.leader === this.#bus.serverName);
    const changed = this.epoch !== "" && this.epoch !== info.epoch;
    this.#info = info;
    if (!changed) return;
    this.#forget();
    // What comes before the barrier may be of the history before.
    this.history.barrier().then(() => { this.#forget(); }, () => { this.#forget(); });
    for (const channel of this.#channels) channel.changeEpoch();
  }

  /** The stream by its leader; where it looks older than `known`, not by one that was replaced while it was frozen. */
  async #ask(known: StreamInfo | undefined): Promise<StreamInfo> {
    const info = await this.history.infoAfterNow();
    if (!known || !isOlderState(info, known)) return info;
    const fence = await this.history.fence();
    const again = await this.history.infoAfterNow();
    assertReached(again, fence);
    return again;
  }

  #forget(): void {
    this.#ticks.forget();
    this.proofs.forget();
    this.#witness.forget();
  }

  /** Whether a tick that was seen is gone though nothing has removed it: the stream ends before it, or has another message there. */
  async #isRolledBack(info: StreamInfo, seen: Seen): Promise<boolean> {
    if (await this.history.endsBefore(info, seen.sequence)) return true;
    const message = await fetchMessage(this.#bus, info.name, seen.sequence);
    if (message && (message.subject !== seen.subject || !Buffer.from(seen.data).equals(message.data))) return true;
    this.#witness.trust(seen);
    return false;
  }

  /** Whether an audit is needed, and possible. */
  async #refreshForAudit(): Promise<boolean> {
    if (!this.#bus.connected) return false;
    await this.refresh();
    return !this.#ticksProve && this.isProvable && this.#channels.size > 0;
  }

  #onTick(tick: Seen, chain: TickChain): void {
    if (chain === "broken") this.#witness.doubt();
    this.#witness.saw(tick);
    if (this.#ticksProve) this.#tickProofs.saw(tick.sequence);
    if (chain !== "whole") this.#audit.hurry();
  }

  async #raiseEpoch(disproved: string): Promise<void> {
    const answer = await this.#bus.request(subjects.raiseEpoch(this.namespace.name), disproved, EPOCH_TIMEOUT_MS);
    const { error } = JSON.parse(Buffer.from(answer.data).toString("utf8")) as { error?: string };
    if (error !== undefined) throw RpcError.natsUnavailable(`the epoch of ${this.namespace.name} can't be raised: ${error}`);
  }

  /** A message of the history `epoch` was seen, live or stored. Should another one stand in its place later, the stream was rolled back. */
  saw(message: Seen, epoch: string): void {
    if (epoch === this.epoch) this.#witness.saw(message);
  }

  /** Tells `channel` of breaks, until `unfollow`. */
  follow(channel: FeedChannel): void {
    this.#channels.add(channel);
    this.#ticks.hurry();
  }

  unfollow(channel: FeedChannel): void {
    this.#channels.delete(channel);
  }

  stop(): void {
    this.#stopListening();
    this.#leaders?.unsubscribe();
    this.#audit.stop();
    this.#ticks.stop();
  }
}
