import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { TEST_API_KEY } from "../../test/helpers/installation.js";
import { PollClient } from "../../test/helpers/pollClient.js";
import { TestPublisher, toChannel } from "../../test/helpers/publishService.js";
import { type ReceivedPublication, WsClient } from "../../test/helpers/wsClient.js";
import type { FuzzTarget } from "./target.js";

const CHANNEL = "calm.bystander";
const MARK = "the bystander's";
const EVERY_MS = 20;
/** A latency beyond these, on a machine that is as busy as a fuzzer makes it, is no noise. */
const P99_MS = 2_000;
const MAX_MS = 8_000;

/** What one transport was given. */
class Stream {
  readonly latencies: number[] = [];
  readonly faults: string[] = [];
  readonly #name: string;
  #next = 1;

  constructor(name: string) {
    this.#name = name;
  }

  get received(): number {
    return this.#next - 1;
  }

  take(data: unknown): void {
    // Whoever may publish may publish here, too.
    const { n, atMs, mark } = (data ?? {}) as { n: number; atMs: number; mark?: string };
    if (mark !== MARK) return;
    this.latencies.push(performance.now() - atMs);
    if (n !== this.#next && this.faults.length < 5) this.faults.push(`the bystander's ${this.#name} got ${String(n)}, expected was ${String(this.#next)}`);
    this.#next = n + 1;
  }

  check(sent: number): string[] {
    const sorted = this.latencies.toSorted((a, b) => a - b);
    const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
    const max = sorted.at(-1) ?? 0;
    return [
      ...this.faults,
      ...(this.received === sent ? [] : [`the bystander's ${this.#name} got ${String(this.received)} of ${String(sent)}`]),
      ...(p99 <= P99_MS && max <= MAX_MS ? [] : [`the bystander's ${this.#name} waited: p99 ${p99.toFixed(0)} ms, longest ${max.toFixed(0)} ms`]),
    ];
  }

  get line(): string {
    const sorted = this.latencies.toSorted((a, b) => a - b);
    const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1);
    return `${this.#name}: ${String(this.received)} received, latency p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`;
  }
}

/** A client of each transport that wants nothing but a steady stream, in order and in time, whatever else happens. */
export class Bystander {
  readonly #target: FuzzTarget;
  readonly #webSocket = new Stream("WebSocket");
  readonly #poll = new Stream("poll");
  readonly #publisher: TestPublisher;
  readonly #runs: Promise<void>[] = [];
  readonly #faults: string[] = [];
  #client: WsClient | undefined;
  #sent = 0;
  #isStopping = false;
  #isDone = false;

  constructor(target: FuzzTarget) {
    this.#target = target;
    this.#publisher = new TestPublisher(target.publish.port, TEST_API_KEY);
  }

  async start(): Promise<void> {
    const { port } = this.#target.connector;
    const { client } = await WsClient.connect(port, "bystander");
    this.#client = client;
    client.socket.on("message", () => {
      for (const { publication } of client.frames.splice(0)) if (publication) this.#webSocket.take((publication as ReceivedPublication).data);
    });
    await client.subscribe(CHANNEL);
    const poll = new PollClient("bystander");
    await poll.poll(port, [{ id: 1, subscribe: { channel: CHANNEL } }], 0);
    this.#runs.push(this.#follow(poll, port), this.#send());
  }

  /** Ends the stream. Gives what it came to, and what was wrong with it. */
  async stop(): Promise<{ readonly lines: readonly string[]; readonly faults: readonly string[] }> {
    this.#isStopping = true;
    const deadline = Date.now() + 10_000;
    while (Date.now() < deadline && (this.#webSocket.received < this.#sent || this.#poll.received < this.#sent)) await pause(20);
    this.#isDone = true;
    await Promise.all(this.#runs);
    this.#client?.cut();
    this.#publisher.close();
    return { lines: [this.#webSocket.line, this.#poll.line], faults: [...this.#faults, ...this.#webSocket.check(this.#sent), ...this.#poll.check(this.#sent)] };
  }

  async #send(): Promise<void> {
    while (!this.#isStopping) {
      const n = this.#sent + 1;
      try {
        await this.#publisher.publish(toChannel(CHANNEL, { n, atMs: performance.now(), mark: MARK }));
        this.#sent = n;
      } catch (error) {
        this.#faults.push(`the bystander could not publish: ${JSON.stringify(error)}`);
        return;
      }
      await pause(EVERY_MS);
    }
  }

  async #follow(poll: PollClient, port: number): Promise<void> {
    while (!this.#isDone) {
      try {
        await poll.poll(port, [], 500);
      } catch (error) {
        this.#faults.push(`the bystander could not poll: ${error instanceof Error ? error.message : "fault"}`);
        return;
      }
      for (const { publication } of poll.frames.splice(0)) if (publication) this.#poll.take((publication as ReceivedPublication).data);
    }
  }
}
