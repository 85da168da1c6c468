import { performance } from "node:perf_hooks";
import type { Scenario } from "../scenario.js";
import { percentile } from "../world/percentile.js";
import { ReadCounter } from "../world/readCounter.js";

const CLIENTS = 2_000;
const CHANNELS = Array.from({ length: 100 }, (_, index) => `chat.storm${String(index)}`);
/** Of each channel: the barrier's share, its last message, what was missed, the proof; and a second try. */
const READS_PER_CHANNEL = 8;

/** Everybody comes at once. */
export const stormScenarios: readonly Scenario[] = [
  {
    name: "storm: 2,000 WebSockets of 100 channels lose their connector, and come back to another within 10 s",
    fault: "reconnect storm", transport: "websocket", history: "long", world: { nats: "single", connectors: 2 },
    async run(world) {
      const [first, second] = world.connectors;
      if (!first || !second) throw new Error("there must be two connectors");
      let port = first.port;
      for (let joined = 0; joined < CLIENTS; joined += 200) {
        await Promise.all(Array.from({ length: 200 }, (_, index) => world.join({ channels: [CHANNELS[(joined + index) % CHANNELS.length] ?? ""], transport: "websocket", ports: () => [port], backoffMs: 8_000 })));
      }
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 20 });
      await traffic.flow(200);
      const reads = await ReadCounter.start(world.nats.url);
      world.onStop(() => reads.close());
      port = second.port;
      await first.kill();
      const killedAtMs = performance.now();
      await world.until(() => world.clients.every(({ state }) => state.subscribedAtMs > killedAtMs), "everybody came back", 60_000);
      const backMs = world.clients.map(({ state }) => state.subscribedAtMs - killedAtMs);
      const servedMs = world.clients.map(({ state }) => state.subscribedAtMs - state.dialedAtMs);
      const [ofChannels, ofInboxes] = [await reads.of("chat"), await reads.of("user")];
      world.notes.push(`back after ${(Math.max(...backMs) / 1_000).toFixed(1)} s, p99 from connecting to subscribed ${percentile(servedMs, 0.99).toFixed(0)} ms; ${String(ofChannels)} reads of JetStream for ${String(CHANNELS.length)} channels, ${String(ofInboxes)} for ${String(CLIENTS)} inboxes`);
      await traffic.flow(200);
      return ofChannels > READS_PER_CHANNEL * CHANNELS.length ? [`${String(ofChannels)} reads of JetStream for ${String(CHANNELS.length)} channels`] : undefined;
    },
  },
];
