import { performance } from "node:perf_hooks";
import type { Scenario } from "../scenario.js";
import { percentile } from "../world/percentile.js";
import { ReadCounter } from "../world/readCounter.js";
import type { World } from "../world/world.js";

const CHANNELS = Array.from({ length: 100 }, (_, index) => `chat.storm${String(index)}`);
/** Of each channel, however many clients it has: the barrier's share, its last message, what was missed, the proof; and a second try. */
const READS_PER_CHANNEL = 8;
const JOINED_TOGETHER = 100;
/** They wait for up to 8 s before they dial, so that all come within 10; a machine that also plays the clients may be late by some. */
const DIALED_MS = 12_000;
/** A busy machine may take so much longer than the 10 s over which they come. */
const BACK_MS = 180_000;
const WORLD = { nats: "single", connectors: 2 } as const;

/** Joins so many clients at one connector, each with so many of the channels, kills it, and watches them come to the other. */
async function storm(world: World, clients: number, channelsEach = 1): Promise<string[]> {
  const [first, second] = world.connectors;
  if (!first || !second) throw new Error("there must be two connectors");
  let port = first.port;
  for (let joined = 0; joined < clients; joined += JOINED_TOGETHER) {
    await Promise.all(Array.from({ length: JOINED_TOGETHER }, (_, index) => world.join({ channels: someChannels(joined + index, channelsEach), transport: "websocket", ports: () => [port], backoffMs: 8_000 })));
  }
  const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 20 });
  await traffic.flow(200);
  const reads = await ReadCounter.start(world.nats.url);
  world.onStop(() => reads.close());
  port = second.port;
  await first.kill();
  const killedAtMs = performance.now();
  await world.until(() => world.clients.every(({ state }) => state.subscribedAtMs > killedAtMs), "everybody came back", BACK_MS);
  const backMs = world.clients.map(({ state }) => state.subscribedAtMs - killedAtMs);
  const lastDialMs = Math.max(...world.clients.map(({ state }) => state.dialedAtMs - killedAtMs));
  const servedMs = world.clients.map(({ state }) => state.subscribedAtMs - state.dialedAtMs);
  const [ofChannels, ofInboxes] = [await reads.of("chat"), await reads.of("user")];
  world.note(`the last dialed after ${(lastDialMs / 1_000).toFixed(1)} s; p99 back after ${(percentile(backMs, 0.99) / 1_000).toFixed(1)} s, the last after ${(Math.max(...backMs) / 1_000).toFixed(1)} s; p99 from connecting to subscribed ${percentile(servedMs, 0.99).toFixed(0)} ms`);
  world.note(`${String(ofChannels)} reads of JetStream for ${String(CHANNELS.length)} channels, ${String(ofInboxes)} for ${String(clients)} inboxes; at most ${(second.peakBytes / 2 ** 20).toFixed(0)} MiB in memory`);
  await traffic.flow(200);
  const faults = ofChannels > READS_PER_CHANNEL * CHANNELS.length ? [`${String(ofChannels)} reads of JetStream for ${String(CHANNELS.length)} channels`] : [];
  if (lastDialMs > DIALED_MS) faults.push(`the last dialed ${String(Math.round(lastDialMs))} ms after the connector was gone: that is no storm`);
  return faults;
}

function someChannels(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => CHANNELS[(from + index) % CHANNELS.length] ?? "");
}

/** Everybody comes at once. */
export const stormScenarios: readonly Scenario[] = [
  {
    name: "storm: 2,000 WebSockets of 100 channels lose their connector, and dial another within 10 s",
    fault: "reconnect storm", transport: "websocket", history: "long", world: WORLD,
    run: (world) => storm(world, 2_000),
  },
  {
    name: "storm: 300 WebSockets of all 100 channels each lose their connector, and dial another within 10 s",
    fault: "reconnect storm", transport: "websocket", history: "long", world: WORLD,
    run: (world) => storm(world, 300, CHANNELS.length),
  },
  {
    name: "storm: 10,000 WebSockets of 100 channels lose their connector, and dial another within 10 s",
    fault: "reconnect storm", transport: "websocket", history: "long", isLong: true, world: WORLD,
    run: (world) => storm(world, 10_000),
  },
];
