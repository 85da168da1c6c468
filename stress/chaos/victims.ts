import { setTimeout as pause } from "node:timers/promises";
import type { ServiceProcess } from "../process/serviceProcess.js";
import type { World } from "../world/world.js";

/** What a process of an installation is. */
export type VictimKind = "connector" | "publish" | "presence" | "nats";

/** A process that can be killed, started again and frozen. */
export interface Victim {
  readonly name: string;
  readonly kind: VictimKind;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again; resolves when it listens, which may be before it is ready. */
  start(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** SIGTERM. Gives its exit code. */
  stop(): Promise<number | null>;
}

const START_TRIES = 4;
const START_PAUSE_MS = 500;

/** Every process of a world. */
export function victimsOf(world: World, nats: "single" | "cluster"): Victim[] {
  return [
    ...world.connectors.map((service) => ofService(service, "connector")),
    ...world.publishes.map((service) => ofService(service, "publish")),
    ...world.presences.map((service) => ofService(service, "presence")),
    ...(nats === "cluster" ? world.cluster.nodes.map((node) => ofServer(node.name, node)) : [ofServer("nats", world.nats)]),
  ];
}

function ofService(service: ServiceProcess, kind: VictimKind): Victim {
  return {
    name: service.name,
    kind,
    kill: () => service.kill(),
    start: () => untilStarted(() => service.start(false)),
    freeze: () => { service.freeze(); },
    thaw: () => { service.thaw(); },
    stop: () => service.stop(),
  };
}

/** The part that one nats-server and a node of a cluster have in common. */
interface Server {
  readonly process: { kill(signal: NodeJS.Signals): unknown; readonly exitCode: number | null };
  stop(hard?: boolean): Promise<void>;
  start(): Promise<void>;
}

function ofServer(name: string, server: Server): Victim {
  return {
    name,
    kind: "nats",
    kill: () => server.stop(true),
    start: () => untilStarted(() => server.start()),
    freeze: () => { server.process.kill("SIGSTOP"); },
    thaw: () => { server.process.kill("SIGCONT"); },
    async stop() {
      await server.stop();
      return server.process.exitCode;
    },
  };
}

/** While it was down, somebody's outgoing connection may have been given its port. */
async function untilStarted(start: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await start();
      return;
    } catch (error) {
      if (tries === START_TRIES) throw error;
      await pause(START_PAUSE_MS);
    }
  }
}
