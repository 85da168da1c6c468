import type { ClientOptions, StressClient, Transport } from "../clients/client.js";
import type { World } from "../world/world.js";
import type { Since } from "./timeline.js";
import type { PresenceTruth } from "./truth.js";

/** After an unclean end, and after the last answer to a poll, a session is not missed for so long. */
const GRACE_MS = { websocket: 5_000, poll: 10_000 } as const;

/** A session that was away for so long begins anew. */
const FORGOTTEN_MS = 20_000;
const SURE_MS = 1_500;

/** What a tab is opened with. */
export interface TabOptions extends Partial<ClientOptions> {
  readonly user: string;
  readonly channels: readonly string[];
  /** Who comes back is there within this: a session whose grace is not over until then goes on. 1,500 where left out. */
  readonly sureMs?: number;
}

/** A tab or device of a user: a client of which the truth is told whether it is there. */
export class Tab {
  readonly user: string;
  readonly client: StressClient;
  readonly #truth: PresenceTruth;
  readonly #channels: readonly string[];
  readonly #sureMs: number;
  #transport: Transport;
  #since: Since;
  #here = true;
  #cameMs = 0;
  #wentMs = 0;
  /** Until then it is surely not missed. */
  #heldUntilMs = 0;

  private constructor(truth: PresenceTruth, client: StressClient, { user, channels, transport = "websocket", sureMs = SURE_MS }: TabOptions, since: Since) {
    this.#truth = truth;
    this.client = client;
    this.user = user;
    this.#channels = channels;
    this.#sureMs = sureMs;
    this.#transport = transport;
    this.#since = since;
  }

  /** Opens one; resolves when its channels are subscribed. */
  static async open(world: World, truth: PresenceTruth, options: TabOptions): Promise<Tab> {
    const pending = {};
    const earliestMs = Date.now();
    truth.came(pending, options.user, options.channels, { earliestMs, latestMs: Infinity });
    const client = await world.join(options);
    const since = { earliestMs, latestMs: Date.now() };
    const tab = new Tab(truth, client, options, since);
    truth.came(tab, options.user, options.channels, since);
    truth.went(pending, options.user, options.channels, { graceMs: 0, isSure: false });
    return tab;
  }

  get here(): boolean {
    return this.#here;
  }

  get transport(): Transport {
    return this.#transport;
  }

  /** Goes over to another transport: present all the time. */
  switchTo(transport: Transport): void {
    this.#transport = transport;
    this.client.switchTo(transport);
  }

  /** Ends without a word, as a lost network does. */
  vanish(graceMs: number = GRACE_MS[this.#transport]): void {
    this.client.leave();
    this.#went(graceMs);
  }

  /** Closes in order; polls have no such thing. */
  sayGoodbye(): void {
    if (this.#transport === "poll") {
      this.vanish();
      return;
    }
    this.client.sayGoodbye();
    this.#went(0);
  }

  /** Its connector is unheard, and it can't be known to be there any more; it does nothing. */
  lose(graceMs: number): void {
    this.#went(graceMs);
  }

  /** It is known to be there again. */
  regain(): void {
    this.#here = true;
    this.#truth.came(this, this.user, this.#channels, this.#since);
  }

  /** Comes back with its session, which goes on where it was not missed. */
  comeBack(): void {
    this.#here = true;
    const nowMs = Date.now();
    this.#cameMs = nowMs;
    const awayMs = nowMs - this.#wentMs;
    const { earliestMs, latestMs } = this.#since;
    this.#since = { earliestMs: awayMs < FORGOTTEN_MS ? earliestMs : nowMs, latestMs: nowMs < this.#heldUntilMs - this.#sureMs ? latestMs : nowMs + this.#sureMs };
    this.#truth.came(this, this.user, this.#channels, this.#since);
    this.client.comeBack();
  }

  #went(graceMs: number): void {
    this.#here = false;
    this.#wentMs = Date.now();
    const graceEndMs = this.#wentMs + graceMs;
    // One that has just come back may not have got there before it went again.
    const gotThere = this.#wentMs - this.#cameMs > this.#sureMs;
    this.#heldUntilMs = gotThere ? graceEndMs : Math.min(this.#heldUntilMs, graceEndMs);
    this.#truth.went(this, this.user, this.#channels, { graceMs: gotThere ? graceMs : 0, isSure: gotThere });
  }
}
