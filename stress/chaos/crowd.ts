import { setMaxListeners } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import type { StressClient, Transport } from "../clients/client.js";
import { ChannelRecord } from "../clients/record.js";
import type { Random } from "../random.js";
import { isWithoutHistory } from "../world/ledger.js";
import type { World } from "../world/world.js";
import type { Journal } from "./journal.js";

/** Channels whose history is longer than any absence: nothing of them may be missed, and no loss may be told. */
export const LONG = ["chat.a", "chat.b", "chat.c", "chat.d", "news.a"] as const;
/** Twenty messages are kept: who was away for longer is told so. */
export const SHORT = ["short.a", "short.b"] as const;
export const LIVE = ["live.a", "live.b"] as const;
/** Some of these have a second device. */
export const USERS = 48;

/** One of the crowd. */
export interface Person {
  readonly user: string;
  readonly client: StressClient;
  readonly channels: readonly string[];
  /** Whether it changes its transport. */
  readonly isMixed: boolean;
  /** Left on purpose, and is not back. */
  isAway: boolean;
}

const STIR_MS = [50, 400] as const;
const AWAY_MS = [100, 20_000] as const;
/** A connector that is silent for so long is taken for dead; some wait until a freeze is over. */
const QUIET_MS = [9_000, 9_000, 9_000, 35_000] as const;

/** Clients of all kinds, which change their transport, lose their connections and go away for a while. */
export class Crowd {
  readonly people: Person[] = [];
  readonly #world: World;
  readonly #random: Random;
  readonly #journal: Journal;
  #resting: AbortController | undefined;
  #stirring = Promise.resolve();
  readonly #returns = new Set<Promise<void>>();

  constructor(world: World, random: Random, journal: Journal) {
    this.#world = world;
    this.#random = random;
    this.#journal = journal;
  }

  /** Lets so many come; resolves when all are subscribed. */
  async come(count: number): Promise<void> {
    this.people.push(...(await Promise.all(Array.from({ length: count }, (_, index) => this.#join(index)))));
  }

  /** Those who did not leave. */
  get present(): readonly Person[] {
    return this.people.filter(({ isAway }) => !isAway);
  }

  readonly cutAll = (): void => {
    for (const { client } of this.people) client.cut();
  };

  /** They begin to move, until `rest`. `mayLeave`: some go away for a while. */
  stir(mayLeave: boolean): void {
    const resting = new AbortController();
    // Everybody who is away listens to it.
    setMaxListeners(0, resting.signal);
    this.#resting = resting;
    const run = async (): Promise<void> => {
      while (!resting.signal.aborted) {
        this.#moveOne(mayLeave, resting.signal);
        this.#lookForNews();
        await pause(this.#random.between(...STIR_MS), undefined, { signal: resting.signal }).catch(() => undefined);
      }
    };
    this.#stirring = run();
  }

  /** They move no more; who is away stays away until `comeBack`. */
  async rest(): Promise<void> {
    this.#resting?.abort();
    await this.#stirring;
    await Promise.all(this.#returns);
  }

  comeBack(): void {
    for (const person of this.people) this.#return(person);
  }

  async #join(index: number): Promise<Person> {
    const random = this.#random;
    const kind = (["websocket", "poll", "mixed", "mixed"] as const)[index % 4] ?? "mixed";
    const user = `u${String(index % USERS)}`;
    const channels = ["all", `user.${user}`, ...LONG.filter((_, at) => (index + at) % 5 < 3)];
    if (index % 3 === 0) channels.push(random.pick(SHORT));
    // A poll that goes elsewhere is told each time that there is nothing to go on from.
    if (kind === "websocket" && index % 8 === 0) channels.push(...LIVE);
    const transport: Transport = kind === "mixed" ? random.pick(["websocket", "poll"]) : kind;
    const client = await this.#world.join({ user, channels, transport, quietMs: random.pick(QUIET_MS), lostAnswers: index % 5 === 0 ? 0.05 : 0 });
    return { user, client, channels, isMixed: kind === "mixed", isAway: false };
  }

  #moveOne(mayLeave: boolean, signal: AbortSignal): void {
    const random = this.#random;
    const person = random.pick(this.people);
    const chance = random.next();
    if (person.isAway) return;
    if (chance < 0.1) person.client.renew();
    else if (chance < 0.35) person.client.cut();
    else if (chance < 0.5 && mayLeave) this.#leave(person, signal);
    else if (person.isMixed) person.client.switchTo(random.pick(["websocket", "poll"]));
  }

  #leave(person: Person, signal: AbortSignal): void {
    person.isAway = true;
    if (this.#random.next() < 0.3) person.client.sayGoodbye();
    else person.client.leave();
    const back = pause(this.#random.between(...AWAY_MS), undefined, { signal }).then(() => { this.#return(person); }, () => undefined).finally(() => this.#returns.delete(back));
    this.#returns.add(back);
  }

  #return(person: Person): void {
    if (!person.isAway) return;
    person.isAway = false;
    person.client.comeBack();
  }

  /** Writes down when something wrong was seen first, so that its cause is found near it. */
  #lookForNews(): void {
    const news: string[] = [];
    for (const { client } of this.people) {
      for (const text of wrongOf(client)) {
        const key = `${client.state.name}: ${text}`;
        if (!this.#known.has(key)) news.push(key);
        this.#known.add(key);
      }
    }
    if (news.length > 0) this.#journal.note(`!!! ${news[0] ?? ""}${news.length > 1 ? `, and ${String(news.length - 1)} more` : ""}`);
  }

  readonly #known = new Set<string>();

  /** Forgets what everybody has. */
  seal(): void {
    this.#known.clear();
    for (const { client } of this.people) client.state.seal();
  }
}

/** What a client was told or given that is wrong whatever happens. */
export function wrongOf({ state }: StressClient): string[] {
  const found: string[] = [];
  for (const record of state.records.values()) {
    const isLong = record instanceof ChannelRecord && !record.channel.startsWith("short.");
    if (isLong) found.push(...record.breaks.map((reason) => `${record.channel}: told of a loss: ${reason}`));
    found.push(...record.faults.filter((fault) => !isWithoutHistory(record.channel) || !ORDER.test(fault)).map((fault) => `${record.channel}: ${fault}`));
  }
  found.push(...state.closeCodes.filter((code) => code > 3_500 && code < 4_000).map((code) => `closed for good with ${String(code)}`));
  return found;
}

/** A frozen publish service or nats-server hands on late what nothing stores and orders. */
const ORDER = /^message \d+ came after/;
