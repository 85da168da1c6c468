import { spawnSync } from "node:child_process";
import { olderThan } from "../../lib/bus/serverVersion.js";
import { CLUSTER_SERVER, hasClusterServer } from "./natsCluster.js";
import { USUAL_SERVER } from "./natsServer.js";

/** A nats-server that can be run here. */
export interface NatsProgram {
  readonly program: string;
  /** Like `2.9.10`. */
  readonly version: string;
  /** Whether it is 2.11 or newer, which Halley needs in clusters. */
  readonly isNew: boolean;
}

/** The usual nats-server and, where it is had and another version, the one for clusters. */
export const NATS_PROGRAMS: readonly NatsProgram[] = findPrograms();

function findPrograms(): NatsProgram[] {
  const found = [USUAL_SERVER, ...(hasClusterServer ? [CLUSTER_SERVER] : [])].map(describeProgram);
  return found.filter(({ version }, index) => found.findIndex((other) => other.version === version) === index);
}

function describeProgram(program: string): NatsProgram {
  const version = /v?(\d+\.\d+\.\d+\S*)/.exec(spawnSync(program, ["--version"], { encoding: "utf8" }).stdout)?.[1];
  if (version === undefined) throw new Error(`${program} does not say its version`);
  return { program, version, isNew: !olderThan(version, "2.11.0") };
}
