import { resolve } from "node:path";
import { Listener } from "../clients/listener.js";
import { COLLECTING } from "../leaks/leakGate.js";
import type { ServiceProcess } from "../process/serviceProcess.js";
import { World } from "../world/world.js";
import { frameFault } from "./documented.js";

const NAMESPACES = {
  calm: { history: { messages: 1_000, age: "1h", bytes: "64MiB" }, subscribe: "signed-in", untyped: true },
  fuzz: { history: { messages: 100, age: "1h", bytes: "64MiB" }, presence: true, subscribe: "signed-in", publish: "signed-in", untyped: true },
  typed: { history: { messages: 100, age: "1h", bytes: "64MiB" }, subscribe: "signed-in", publish: "signed-in" },
  live: { subscribe: "signed-in", publish: "signed-in", untyped: true },
  closed: { history: { messages: 100, age: "1h", bytes: "16MiB" }, untyped: true },
};
/** So that what must go away is gone within a second or two, and memory is full early. */
const LIMITS = { lingerMs: 1_000, lingeringChannels: 500, pollGraceMs: 1_000, reconnectGraceMs: 500, ringBytes: 8 * 2 ** 20, signInMs: 2_000 };
const LISTENED = ["fuzz.a", "fuzz.b", "typed.a", "typed.b", "live.a", "live.b"];

/** What is fuzzed: a whole installation, with listeners on the channels that are fuzzed. */
export class FuzzTarget {
  readonly world: World;
  /** What the listeners were given that is no frame. */
  readonly faults: string[] = [];
  #listener: Listener | undefined;

  private constructor(world: World) {
    this.world = world;
  }

  static async start(seed: number): Promise<FuzzTarget> {
    const env = { ...COLLECTING, HALLEY_SCHEMAS: resolve("examples/schemas") };
    const world = await World.start({ seed, nats: "single", connectors: 1, presences: 1, limits: LIMITS, namespaces: NAMESPACES, env });
    const target = new FuzzTarget(world);
    await target.#listen();
    return target;
  }

  get connector(): ServiceProcess {
    return only(this.world.connectors);
  }

  get publish(): ServiceProcess {
    return only(this.world.publishes);
  }

  get presence(): ServiceProcess {
    return only(this.world.presences);
  }

  get services(): readonly ServiceProcess[] {
    return [this.connector, this.publish, this.presence];
  }

  /** A process that is gone, and what the logs tell of. */
  health(): string[] {
    const faults = this.services.flatMap(({ name, isRunning, faults: logged }) => [...(isRunning ? [] : [`${name} has died`]), ...logged.map((line) => `${name}: ${line.slice(0, 600)}`)]);
    const { exitCode, signalCode } = this.world.nats.process;
    if (exitCode !== null || signalCode !== null) faults.push(`nats-server has died: ${String(exitCode ?? signalCode)}`);
    return [...faults, ...this.faults];
  }

  async stop(): Promise<void> {
    this.#listener?.close();
    await this.world.stop();
  }

  /** Reads everything that comes of the fuzzed channels. */
  async #listen(): Promise<void> {
    const onClose = (code: number): void => { if (code >= 3000) this.faults.push(`a listener was closed with ${String(code)}`); };
    this.#listener = await Listener.connect({ port: this.connector.port, channels: LISTENED, onLine: (line) => { this.#check(line); }, onClose });
  }

  #check(line: string): void {
    let fault: string | undefined;
    try {
      fault = frameFault(JSON.parse(line));
    } catch {
      fault = "is no JSON";
    }
    if (fault !== undefined && this.faults.length < 20) this.faults.push(`a listener got what ${fault}: ${line.slice(0, 300)}`);
  }
}

function only<T>([one]: readonly T[]): T {
  if (one === undefined) throw new Error("there is none");
  return one;
}
