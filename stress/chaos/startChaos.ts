import { World } from "../world/world.js";
import { Chaos, type ChaosOptions, type ChaosOutcome } from "./chaos.js";

/** What chaos is worked on: pings so frequent that a frozen connector is noticed within a freeze. */
export const CHAOS_WORLD = { connectors: 3, publishes: 2, presences: 2, limits: { pingIntervalMs: 4_000, pongMs: 4_000, drainMs: 2_000 } } as const;

/** Makes an installation, lets chaos loose on it, and removes it. */
export async function startChaos(options: ChaosOptions): Promise<ChaosOutcome> {
  const { seed, nats } = options;
  const world = await World.start({ ...CHAOS_WORLD, seed, nats });
  try {
    return await new Chaos(world, options).run();
  } finally {
    await world.stop();
  }
}
