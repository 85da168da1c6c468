import { TEST_API_KEY } from "../../test/helpers/installation.js";
import { PresenceClient } from "../../test/helpers/presenceService.js";
import type { ServiceProcess } from "../process/serviceProcess.js";
import { RecordedWatch } from "./recordedWatch.js";
import { ONLINE, type PresenceTruth } from "./truth.js";
import { type Counts, type MembersPage, msOf, type Stats, type User, type UsersPage } from "./wire.js";

const PAGE = 1_000;
/** A busy machine notes what it has done a little late. */
const SINCE_SLACK_MS = 500;

/** One presence replica, asked as backends ask it. */
export class Replica {
  readonly service: ServiceProcess;
  readonly #truth: PresenceTruth;
  #client: PresenceClient;
  #watches: RecordedWatch[] = [];
  readonly #ended: RecordedWatch[] = [];
  #topics: readonly string[] = [];
  /** Has been away, and may know less of when sessions began. */
  #wasAway = false;

  constructor(service: ServiceProcess, truth: PresenceTruth) {
    this.service = service;
    this.#truth = truth;
    this.#client = new PresenceClient(service.port, TEST_API_KEY);
  }

  /** Begins to record the changes of topics. `lagMs`: how much later than others it may tell them. */
  watch(topics: readonly string[], lagMs?: number): void {
    this.#topics = topics;
    this.#watches = topics.map((topic) => new RecordedWatch({ client: this.#client, topic, truth: this.#truth, ...(lagMs === undefined ? {} : { lagMs }) }));
  }

  /** Whether every first list has come. */
  get isSynced(): boolean {
    return this.#watches.every((watch) => watch.isSynced);
  }

  /** How many changes its watches were told. */
  get changes(): number {
    return this.#watches.reduce((sum, watch) => sum + watch.changes, 0);
  }

  /** Ends without a word, and its watches with it. */
  async kill(): Promise<void> {
    this.#ended.push(...this.#watches.splice(0));
    await this.service.kill();
    this.#client.close();
  }

  /** Starts again; resolves when it listens, which is before it is ready. */
  async start(): Promise<void> {
    await this.service.start(false);
    this.#wasAway = true;
    this.#client = new PresenceClient(this.service.port, TEST_API_KEY);
  }

  /** Watches what it watched before it was killed. */
  watchAgain(): void {
    this.watch(this.#topics);
  }

  call<T extends object>(method: string, request: object = {}): Promise<T> {
    return this.#client.call<T>(method, request);
  }

  stats(): Promise<Stats> {
    return this.call<Stats>("GetStats");
  }

  /**
   * How its answers differ from the truth of this moment; a failed call is a difference. `counts`: the subscribers of
   * channels, too, which two connectors tell in two heartbeats where a session goes from one to the other.
   */
  async differences(counts: boolean): Promise<string[]> {
    try {
      const found = [...this.#compareOnline(await this.#online()), ...(await this.#compareStats())];
      for (const channel of this.#truth.channels) found.push(...(await this.#compareMembers(channel)));
      if (counts) for (const channel of this.#truth.channels) found.push(...(await this.#compareCount(channel)));
      found.push(...(await this.#compareLastSeen()));
      for (const watch of this.#watches) if (!watch.isTrue) found.push("a watch leads elsewhere");
      return found.map((difference) => `${this.service.name}: ${difference}`);
    } catch (error) {
      return [`${this.service.name}: ${(error as { message?: string }).message ?? String(error)}`];
    }
  }

  /** What was wrong with what its watches were told. */
  check(): string[] {
    return [...this.#ended.flatMap((watch) => watch.check().filter((fault) => !fault.includes("the watch ended"))), ...this.#watches.flatMap((watch) => watch.check())].map((fault) => `${this.service.name}: ${fault}`);
  }

  close(): void {
    this.#client.close();
  }

  async #online(): Promise<User[]> {
    const users: User[] = [];
    for (let token = ""; ; ) {
      const page = await this.call<UsersPage>("ListOnlineUsers", { page_size: PAGE, page_token: token });
      users.push(...page.users);
      token = page.next_page_token;
      if (token === "") return users;
    }
  }

  #compareOnline(users: readonly User[]): string[] {
    const found = compare("online", new Map(users.map(({ user_id: id, sessions }) => [id, sessions])), this.#truth.present(ONLINE));
    for (const { user_id: id, online_since: since } of users) {
      const { earliestMs, latestMs } = this.#truth.of(ONLINE, id).since;
      const toldMs = since ? msOf(since) : 0;
      if (earliestMs === Infinity) continue;
      if (toldMs < earliestMs - SINCE_SLACK_MS || toldMs > (this.#wasAway ? Date.now() : latestMs + SINCE_SLACK_MS)) found.push(`${id} is online since ${String(Math.round(toldMs - earliestMs))} ms after they came`);
    }
    return found;
  }

  async #compareStats(): Promise<string[]> {
    const { online_users: users, sessions } = await this.stats();
    const present = this.#truth.present(ONLINE);
    const all = [...present.values()].reduce((sum, count) => sum + count, 0);
    const found: string[] = [];
    if (users !== present.size) found.push(`counts ${String(users)} users, not ${String(present.size)}`);
    if (sessions !== all) found.push(`counts ${String(sessions)} sessions, not ${String(all)}`);
    return found;
  }

  async #compareMembers(channel: string): Promise<string[]> {
    const members = new Map<string, number>();
    for (let token = ""; ; ) {
      const page = await this.call<MembersPage>("ListChannelMembers", { channel, page_size: PAGE, page_token: token });
      for (const { user_id: id, sessions } of page.members) members.set(id, sessions);
      token = page.next_page_token;
      if (token === "") break;
    }
    return compare(channel, members, this.#truth.present(channel));
  }

  async #compareCount(channel: string): Promise<string[]> {
    const all = [...this.#truth.present(channel).values()].reduce((sum, count) => sum + count, 0);
    const { channels } = await this.call<Counts>("CountChannels", { channels: [channel] });
    const counted = channels[0]?.sessions ?? 0;
    return counted === all ? [] : [`${channel} has ${String(all)} subscribers and ${String(counted)} are counted`];
  }

  async #compareLastSeen(): Promise<string[]> {
    const absent = this.#truth.absent().slice(0, PAGE);
    if (absent.length === 0) return [];
    const { users } = await this.call<UsersPage>("GetUsers", { user_ids: absent });
    const found: string[] = [];
    for (const { user_id: id, online, last_seen: seen } of users) {
      const { seenMs } = this.#truth.of(ONLINE, id);
      if (online) found.push(`${id} is online by GetUsers`);
      else if (!seen) found.push(`${id} was never seen`);
      else if (msOf(seen) < seenMs - SEEN_SLACK_MS || msOf(seen) > Date.now() + SEEN_SLACK_MS) found.push(`${id} was seen ${String(Math.round(msOf(seen) - seenMs))} ms after they went`);
    }
    return found;
  }
}

/** A user who goes is seen until the replica is told, and their grace is over. */
const SEEN_SLACK_MS = 1_500;

function compare(what: string, told: ReadonlyMap<string, number>, truth: ReadonlyMap<string, number>): string[] {
  const found: string[] = [];
  for (const [user, sessions] of truth) if (told.get(user) !== sessions) found.push(`${what}: ${user} has ${String(sessions)} sessions, not ${String(told.get(user) ?? 0)}`);
  for (const user of told.keys()) if (!truth.has(user)) found.push(`${what}: ${user} is not there`);
  return found;
}
