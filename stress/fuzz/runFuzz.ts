import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { LeakGate } from "../leaks/leakGate.js";
import { Random } from "../random.js";
import { Bystander } from "./bystander.js";
import type { Fuzzer } from "./fuzzer.js";
import { fuzzGrpc } from "./grpcFuzzer.js";
import { fuzzNats } from "./natsFuzzer.js";
import { fuzzPolls } from "./pollFuzzer.js";
import { FuzzTarget } from "./target.js";
import { fuzzWebSocket } from "./webSocketFuzzer.js";

/** The fuzzers, and their share of the inputs: of frames, poll bodies and gRPC requests together; messages on NATS come beside. */
export const FUZZERS: readonly { readonly name: string; readonly share: number; readonly fuzz: Fuzzer }[] = [
  { name: "websocket", share: 0.89, fuzz: fuzzWebSocket },
  { name: "poll", share: 0.06, fuzz: fuzzPolls },
  { name: "grpc", share: 0.05, fuzz: fuzzGrpc },
  { name: "nats", share: 0.25, fuzz: fuzzNats },
];

/** How much, and what. */
export interface FuzzOptions {
  readonly inputs: number;
  readonly seed: number;
  readonly only: readonly string[];
  /** One batch instead of all, to repeat it. */
  readonly batch?: number | undefined;
  readonly print: (line: string) => void;
}

/** What it came to. */
export interface FuzzOutcome {
  readonly inputs: number;
  readonly faults: readonly string[];
}

/** Batches under way at a time. */
const LANES = 6;
/** Of the inputs, so many are the warm-up of the leak gate. */
const WARM_UP = 0.2;
/** What ends by itself has ended after this long: channels that linger, polled sessions, sign-ins that never came. */
const QUIET_MS = 3_000;
const SHOWN = 20;

/** Fuzzes a new installation. Every batch is made of numbers that the seed and the batch's own number give. */
export async function runFuzz(options: FuzzOptions): Promise<FuzzOutcome> {
  const target = await FuzzTarget.start(options.seed);
  try {
    const bystander = new Bystander(target);
    await bystander.start();
    const chosen = FUZZERS.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
    const whole = options.only.length === 0 ? 1 : chosen.reduce((sum, { share }) => sum + share, 0);
    const run = new Run(target, options);
    const gate = new LeakGate(target.services);
    if (options.batch !== undefined) for (const fuzzer of chosen) await run.batch(fuzzer, options.batch);
    else {
      for (const fuzzer of chosen) await run.some(fuzzer, (options.inputs * WARM_UP * fuzzer.share) / whole);
      await pause(QUIET_MS);
      await gate.open();
      for (const fuzzer of chosen) await run.some(fuzzer, (options.inputs * (1 - WARM_UP) * fuzzer.share) / whole);
      await pause(QUIET_MS);
    }
    const streams = await bystander.stop();
    for (const line of streams.lines) options.print(line);
    const leaks = options.batch === undefined ? await gate.close() : { lines: [], faults: [] };
    for (const line of leaks.lines) options.print(line);
    return { inputs: run.inputs, faults: [...run.faults, ...streams.faults, ...leaks.faults, ...target.health()] };
  } finally {
    await target.stop();
  }
}

class Run {
  readonly faults: string[] = [];
  inputs = 0;
  readonly #target: FuzzTarget;
  readonly #options: FuzzOptions;
  #batches = 0;

  constructor(target: FuzzTarget, options: FuzzOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** Runs batches until so many inputs were sent. */
  async some(fuzzer: (typeof FUZZERS)[number], inputs: number): Promise<void> {
    const startedMs = performance.now();
    const goal = this.inputs + inputs;
    const before = this.inputs;
    const lane = async (): Promise<void> => {
      while (this.inputs < goal && this.#target.services.every(({ isRunning }) => isRunning)) await this.batch(fuzzer, ++this.#batches);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    const seconds = (performance.now() - startedMs) / 1_000;
    this.#options.print(`${fuzzer.name}: ${String(this.inputs - before)} inputs in ${seconds.toFixed(1)} s`);
  }

  async batch({ name, fuzz }: (typeof FUZZERS)[number], batch: number): Promise<void> {
    const random = new Random(Math.imul(this.#options.seed, 0x9e3779b1) ^ Math.imul(batch, 0x85ebca6b));
    let outcome;
    try {
      outcome = await fuzz(random, this.#target);
    } catch (error) {
      outcome = { inputs: 1, faults: [error instanceof Error ? error.message : String(error)] };
    }
    this.inputs += outcome.inputs;
    for (const fault of outcome.faults) {
      if (this.faults.length < SHOWN) this.#options.print(`FAIL --seed ${String(this.#options.seed)} --only ${name} --batch ${String(batch)}: ${fault}`);
      this.faults.push(`${name}, batch ${String(batch)}: ${fault}`);
    }
  }
}
