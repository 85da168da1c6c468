import { performance } from "node:perf_hooks";
import { isWithoutHistory, type Ledger } from "../world/ledger.js";
import { LiveRecord } from "./liveRecord.js";
import { Moves } from "./moves.js";
import type { Position, ServerFrame, Subscribed } from "./protocol.js";
import { ChannelRecord } from "./record.js";

const KEPT_ABSENCES = 1_000;

/** What a state is made with. */
export interface StateOptions {
  readonly channels: readonly string[];
  readonly ledger: Ledger;
  /** Told of every publication as it comes. */
  readonly onPublication?: (channel: string, number: number) => void;
}

/**
 * What a client knows, whatever its transport: its channels, how far each is handled, its session. It is strict: what a
 * forgiving client would drop in silence (something that it has already) is a fault here.
 */
export class ClientState {
  readonly name: string;
  readonly records = new Map<string, ChannelRecord | LiveRecord>();
  readonly positions = new Map<string, Position>();
  /** Errors and codes that came, in order. */
  readonly errors: string[] = [];
  readonly closeCodes: number[] = [];
  /** Closes of connectors that were not announced, or announced as others. */
  readonly closeFaults: string[] = [];
  session: string | undefined;
  /** When it began to connect, and when a subscription stood, the last time; by the clock of performance. */
  dialedAtMs = 0;
  subscribedAtMs = 0;
  /** When it was lost to its connector, and found again, the last times; Infinity: has not come back so far. Milliseconds since 1970. */
  readonly absences: { readonly fromMs: number; toMs: number }[] = [];
  /** Who says what comes now, for reports: a port, for instance. */
  source = "";
  readonly #moves = new Moves();
  readonly #onPublication: StateOptions["onPublication"];

  constructor(name: string, { channels, ledger, onPublication }: StateOptions) {
    this.name = name;
    this.#onPublication = onPublication;
    for (const channel of channels) this.records.set(channel, isWithoutHistory(channel) ? new LiveRecord(channel, ledger.of(channel)) : new ChannelRecord(channel));
  }

  /** It is signed in, or a poll was answered. */
  came(): void {
    const absence = this.absences.at(-1);
    if (absence?.toMs === Infinity) absence.toMs = Date.now();
  }

  /** Its connection, or its poll, is lost. */
  went(): void {
    if (this.absences.at(-1)?.toMs === Infinity) return;
    this.absences.push({ fromMs: Date.now(), toMs: Infinity });
    if (this.absences.length > KEPT_ABSENCES) this.absences.shift();
  }

  /** Forgets what came so far, so that a long run's memory is bounded; only while nothing is under way. */
  seal(): void {
    for (const record of this.records.values()) record.seal();
    this.errors.length = 0;
    this.closeCodes.length = 0;
  }

  /** Whether every channel was subscribed once. */
  get hasAll(): boolean {
    return [...this.records.keys()].every((channel) => this.positions.has(channel));
  }

  /** How many publications came. */
  get count(): number {
    let sum = 0;
    for (const { count } of this.records.values()) sum += count;
    return sum;
  }

  /** What it was told that may be missing, of all channels. */
  get breaks(): string[] {
    return [...this.records.values()].flatMap(({ breaks }) => breaks);
  }

  isComplete(ledger: Ledger): boolean {
    return this.hasAll && [...this.records].every(([channel, record]) => record.isComplete(ledger.of(channel)));
  }

  check(ledger: Ledger): string[] {
    return [...this.records].flatMap(([channel, record]) => record.check(ledger.of(channel)).map((fault) => `${this.name}: ${fault}${this.#howPast(channel, record, ledger)}`));
  }

  /** How the position came past the first message that is missing, for the report. */
  #howPast(channel: string, record: ChannelRecord | LiveRecord, ledger: Ledger): string {
    const missing = record instanceof ChannelRecord ? record.firstMissing(ledger.of(channel)) : undefined;
    return missing === undefined ? "" : ` (over ${String(missing)}: ${this.#moves.over(channel, missing)})`;
  }

  /** The subscription of a channel stands. `brought`: the position that was sent for it. */
  subscribed(channel: string, { position, recovered = false, publications = [] }: Subscribed, brought: Position | undefined): void {
    const record = this.records.get(channel);
    if (!record) return;
    this.subscribedAtMs = performance.now();
    record.subscribed(recovered, position, brought);
    if (!brought || !recovered) this.positions.set(channel, { offset: Math.min(position.offset, ...publications.map(({ offset }) => offset - 1)), epoch: position.epoch });
    for (const { offset, data } of publications) this.#take(channel, offset, data.n);
    this.#moveTo(channel, position, "subscribed");
  }

  /** A frame that answers no request. */
  take(frame: ServerFrame): void {
    const { publication, reset, ping } = frame;
    if (publication) this.#take(publication.channel, publication.offset, publication.data.n);
    else if (reset) {
      this.records.get(reset.channel)?.reset(reset.reason, reset.position);
      this.#moveTo(reset.channel, reset.position, "reset");
    } else if (ping?.positions) for (const [namespace, position] of Object.entries(ping.positions)) this.#raiseNamespace(namespace, position);
  }

  /** Proven up to here. */
  raise(channel: string, position: Position): void {
    const present = this.positions.get(channel);
    if (present?.epoch === position.epoch && position.offset > present.offset) this.#moveTo(channel, position, "raised");
  }

  #moveTo(channel: string, position: Position, by: string): void {
    this.#moves.add(channel, this.positions.get(channel)?.offset ?? 0, position.offset, `${by} ${this.source}`);
    this.positions.set(channel, position);
  }

  #raiseNamespace(namespace: string, position: Position): void {
    for (const channel of this.positions.keys()) if (channel === namespace || channel.startsWith(`${namespace}.`)) this.raise(channel, position);
  }

  #take(channel: string, offset: number, number: number): void {
    const record = this.records.get(channel);
    if (!record) return;
    record.take(offset, number);
    this.#onPublication?.(channel, number);
    const present = this.positions.get(channel);
    if (!present) return;
    if (offset <= present.offset) record.faults.push(`${String(offset)} came though ${String(present.offset)} was handled`);
    else this.#moveTo(channel, { offset, epoch: present.epoch }, "publication");
  }
}
