import type { World, WorldOptions } from "./world/world.js";

/** A trial of Halley's promise: one fault (or several), and what must hold under it. */
export interface Scenario {
  /** Says what happens, and what must hold. Unique. */
  readonly name: string;
  /** For the table of what is covered. */
  readonly fault: string;
  readonly transport: "websocket" | "long-poll" | "both" | "mixed" | "browser" | "none";
  readonly history: "long" | "short" | "none" | "inbox" | "any";
  /** Whether it belongs to the short form, which runs with the tests. */
  readonly isShort?: boolean;
  /** Whether it takes minutes, or most of a machine: it runs in the long form only. */
  readonly isLong?: boolean;
  readonly world: Omit<WorldOptions, "seed" | "effort">;
  /** Mistreats the world. Gives what was wrong, beside what every scenario is checked for at its end. Throws, too, where it fails. */
  run(world: World): Promise<readonly string[] | undefined>;
  /** Reasons of breaks (resets, verdicts) that are honest here; none where left out. */
  readonly honest?: readonly string[];
  /** What services may log at the levels error and fatal here: parts of the lines. */
  readonly logs?: readonly string[];
  /** Codes with which connectors may close WebSockets here, beside 3000. */
  readonly closeCodes?: readonly number[];
}

/** Whether it can't run without a nats-server of 2.11 or newer. */
export function needsNewServer({ world }: Scenario): boolean {
  return world.nats === "cluster" || world.server === "newest";
}
