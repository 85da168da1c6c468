import { encodeUserToken } from "../channel/userToken.js";
import { type Clock, sleep } from "../clock.js";
import { RpcError } from "../errors/rpcError.js";
import { API_TIMEOUT_MS, JetStreamError, jetStreamErrorCode } from "./apiRequest.js";
import { Semaphore } from "../semaphore.js";
import type { Bus } from "./bus.js";
import { Publisher } from "./publisher.js";
import { makeHeaders } from "./publishHeaders.js";
import { fetchStreamInfo } from "./streamInfo.js";
import { header, LAST_SEEN_BUCKET } from "./subjects.js";

/** The stream behind the bucket: what NATS calls a KV bucket is a stream of this name. */
const STREAM = `KV_${LAST_SEEN_BUCKET}`;
const WRITE_DEADLINE_MS = 5_000;
/** Reads under way at a time; more wait. Direct Gets take 0.2 ms, 30,000/s when pipelined. */
const MAX_READS = 2_048;
const RETRY_MS = 1_000;

/**
 * When users were last online, in the KV bucket that the publish service makes: key `user token` (its characters are all
 * allowed in keys), value milliseconds since 1970 in decimal. It speaks to the bucket's stream directly, so that many
 * writes and reads can be under way at a time.
 */
export class LastSeen {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #publisher: Publisher;
  readonly #reads = new Semaphore(MAX_READS);

  constructor(bus: Bus, clock: Clock) {
    this.#bus = bus;
    this.#clock = clock;
    this.#publisher = new Publisher(bus, clock);
  }

  /** Resolves when the bucket is there; asks once a second. Rejects with the signal's reason. */
  async whenBucketExists(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await fetchStreamInfo(this.#bus, STREAM);
        return;
      } catch (error) {
        const passing = error instanceof RpcError || (error instanceof JetStreamError && error.errorCode === jetStreamErrorCode.streamNotFound);
        if (!passing) throw error;
        await sleep(this.#clock, RETRY_MS, signal);
      }
    }
  }

  /** Stores when a user was last online. Idempotent. Rejects with NATS_UNAVAILABLE within 5 s when it can't be stored. */
  async write(userId: string, atMs: number): Promise<void> {
    const token = encodeUserToken(userId);
    const headers = makeHeaders({ [header.messageId]: `${token}.${String(atMs)}` });
    const data = Buffer.from(String(atMs));
    await this.#publisher.publish({ subject: subjectOf(token), data, headers, deadlineMs: WRITE_DEADLINE_MS });
  }

  /**
   * When each of the users was last online, milliseconds since 1970; those never seen, or longer ago than the bucket keeps,
   * are left out. All reads are under way together. Throws NATS_UNAVAILABLE when any of them is not answered.
   */
  async read(userIds: readonly string[]): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    const read = async (userId: string): Promise<void> => {
      const atMs = await this.#reads.run(() => this.#readOne(userId));
      if (atMs !== undefined) found.set(userId, atMs);
    };
    await Promise.all([...new Set(userIds)].map(read));
    return found;
  }

  /** Rejects what is under way. */
  close(): void {
    this.#publisher.close();
  }

  async #readOne(userId: string): Promise<number | undefined> {
    const answer = await this.#bus.request(`$JS.API.DIRECT.GET.${STREAM}.${subjectOf(encodeUserToken(userId))}`, "", API_TIMEOUT_MS);
    const code = answer.headers?.code ?? 0;
    if (code === 404) return undefined;
    const atMs = Number(Buffer.from(answer.data).toString("utf8"));
    if (code !== 0 || !Number.isSafeInteger(atMs) || atMs <= 0) throw RpcError.natsUnavailable(`the bucket ${LAST_SEEN_BUCKET} gave no time`);
    return atMs;
  }
}

function subjectOf(token: string): string {
  return `$KV.${LAST_SEEN_BUCKET}.${token}`;
}
