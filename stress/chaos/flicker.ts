import { TEST_API_KEY } from "../../test/helpers/installation.js";
import { PresenceClient, type Watch } from "../../test/helpers/presenceService.js";
import { msOf, type WatchEvent } from "../presence/wire.js";
import type { World } from "../world/world.js";
import type { Crowd, Person } from "./crowd.js";

/** Who was away for longer than this may be missed: a WebSocket's grace, less what telling and hearing take. */
const SURE_MS = 3_000;
/** A replica tells of what ended so long ago at most: a poll's grace, a lease, and some. */
const BACK_MS = 20_000;

/** What all replicas tell their watchers while nothing happens that a watcher may notice. */
export class Flicker {
  readonly #watches: { readonly name: string; readonly client: PresenceClient; readonly watch: Watch<WatchEvent> }[];
  readonly #crowd: Crowd;

  /** Watches everyone, at every replica, from now on. `finish` ends it. */
  constructor(world: World, crowd: Crowd) {
    this.#crowd = crowd;
    this.#watches = world.presences.map(({ name, port }) => {
      const client = new PresenceClient(port, TEST_API_KEY);
      return { name, client, watch: client.watch<WatchEvent>("WatchPresence", {}) };
    });
  }

  /** Ends it. Gives who was told to have left though they were there, or were back in time. */
  finish(): string[] {
    const faults: string[] = [];
    for (const { name, client, watch } of this.#watches) {
      if (watch.failure) faults.push(`${name}: the watch ended: ${watch.failure.message}`);
      for (const { event, left, as_of: asOf } of watch.heard) {
        if (event !== "left" || !left) continue;
        const steady = this.#crowd.people.find((person) => person.user === left.user_id && wasThere(person, msOf(asOf)));
        if (steady) faults.push(`${name}: ${left.user_id} flickered: left at ${new Date(msOf(asOf)).toISOString().slice(11, 23)}, though never away for ${String(SURE_MS)} ms`);
      }
      client.close();
    }
    return faults;
  }
}

function wasThere({ client }: Person, atMs: number): boolean {
  return client.state.absences.every(({ fromMs, toMs }) => fromMs > atMs || toMs < atMs - BACK_MS || Math.min(toMs, atMs) - fromMs < SURE_MS);
}
