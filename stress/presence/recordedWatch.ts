import type { PresenceClient, Watch } from "../../test/helpers/presenceService.js";
import { ONLINE, type PresenceTruth } from "./truth.js";
import { msOf, type User, type WatchEvent } from "./wire.js";

/** How long after something has happened a replica that hears everything may tell it: a connector's gathering, and a busy machine. */
const LAG_MS = 3_000;

/** What one watch is opened with. */
export interface RecordedWatchOptions {
  readonly client: PresenceClient;
  /** Of whom: ONLINE, or a channel. */
  readonly topic: string;
  readonly truth: PresenceTruth;
  /** How long after something has happened the replica may tell it. */
  readonly lagMs?: number;
}

/** A watch stream of one replica, all of it, to be held against the truth. */
export class RecordedWatch {
  readonly #options: RecordedWatchOptions;
  readonly #watch: Watch<WatchEvent>;

  constructor(options: RecordedWatchOptions) {
    this.#options = options;
    const { client, topic } = options;
    this.#watch = client.watch<WatchEvent>("WatchPresence", topic === ONLINE ? {} : { channel: topic });
  }

  /** Whether the first list has come. */
  get isSynced(): boolean {
    return this.#watch.heard.some(({ event }) => event === "synced");
  }

  /** How many changes came. */
  get changes(): number {
    return this.#watch.heard.filter(({ event }) => event === "joined" || event === "left").length;
  }

  /** Whether what it was told leads to what is true now. */
  get isTrue(): boolean {
    const users = [...this.#fold([])].sort();
    return users.join(" ") === [...this.#options.truth.present(this.#options.topic).keys()].sort().join(" ");
  }

  /** What is wrong with what came: changes that change nothing, or that nothing happened for. */
  check(): string[] {
    const faults: string[] = [];
    this.#fold(faults);
    const { failure } = this.#watch;
    if (failure) faults.push(`the watch ended: ${failure.message}`);
    return faults.map((fault) => `watch of ${this.#options.topic === ONLINE ? "everyone" : this.#options.topic}: ${fault}`);
  }

  #fold(faults: string[]): Set<string> {
    const there = new Set<string>();
    for (const { event, current, joined, left, as_of: asOf } of this.#watch.heard) {
      const user = current ?? joined ?? left;
      if (!user) continue;
      const came = event !== "left";
      if (there.has(user.user_id) === came) faults.push(`${user.user_id} ${event}, and was so already`);
      if (came) there.add(user.user_id);
      else there.delete(user.user_id);
      const fault = this.#judge(event, user, msOf(asOf));
      if (fault !== undefined) faults.push(fault);
    }
    return there;
  }

  #judge(event: WatchEvent["event"], { user_id: id, online_since: since, sessions }: User, atMs: number): string | undefined {
    const { truth, topic, lagMs = LAG_MS } = this.#options;
    const line = truth.of(topic, id);
    const when = new Date(atMs).toISOString().slice(11, 23);
    if (event === "left") {
      if (topic === ONLINE && (sessions !== 0 || since)) return `${id} left at ${when} with ${String(sessions)} sessions`;
      return line.mayLeave(atMs, lagMs) ? undefined : `${id} left at ${when}, though still there or not away for long enough`;
    }
    if (sessions === 0 || !since || msOf(since) > atMs + SKEW_MS) return `${id} ${event} at ${when} with ${String(sessions)} sessions, since ${since ? String(msOf(since)) : "never"}`;
    return line.mayJoin(atMs, lagMs) ? undefined : `${id} ${event} at ${when}, though not there`;
  }
}

const SKEW_MS = 50;
