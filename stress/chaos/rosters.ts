import { setTimeout as pause } from "node:timers/promises";
import { Replica } from "../presence/replica.js";
import { PresenceTruth } from "../presence/truth.js";
import type { World } from "../world/world.js";
import type { Crowd } from "./crowd.js";

/** The namespace whose members are kept. */
const WITH_MEMBERS = "chat.";
const LOOK_EVERY_MS = 250;
const SHOWN = 5;
/** How far back the truth isn't known to the millisecond: sessions may have begun anew in the tumult. */
const ANY_TIME = { earliestMs: Infinity, latestMs: Infinity };

/** What is compared, and how long it may take. */
export interface CompareOptions {
  readonly withinMs: number;
  /** The subscribers of channels, too: they are known to a session only while polls don't go from connector to connector at every message. */
  readonly counts: boolean;
}

/** Holds every presence replica against who is really there, within a time. Gives the differences that remain. */
export async function compareRosters(world: World, crowd: Crowd, { withinMs, counts }: CompareOptions): Promise<string[]> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const truth = truthOf(crowd);
    const differences = await Promise.all(world.presences.map(async (service) => {
      const replica = new Replica(service, truth);
      try {
        return await Promise.race([replica.differences(counts), pause(5_000, [`${service.name}: gives no answer`])]);
      } finally {
        replica.close();
      }
    }));
    if (differences.every(({ length }) => length === 0)) return [];
    if (Date.now() > deadline) return differences.flatMap((found) => found.slice(0, SHOWN).map((difference) => `${difference} (${String(withinMs)} ms after the last fault)`));
    await pause(LOOK_EVERY_MS);
  }
}

function truthOf(crowd: Crowd): PresenceTruth {
  const truth = new PresenceTruth();
  for (const person of crowd.present) truth.came(person, person.user, person.channels.filter((channel) => channel.startsWith(WITH_MEMBERS)), ANY_TIME);
  return truth;
}
