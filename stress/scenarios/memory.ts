import { resolve } from "node:path";
import { makeHeaders } from "../../lib/bus/publishHeaders.js";
import { subjects } from "../../lib/bus/subjects.js";
import { Listener } from "../clients/listener.js";
import { readHoldings } from "../leaks/leakGate.js";
import type { Scenario } from "../scenario.js";
import type { DirectPublisher } from "../world/directPublisher.js";

const MIB = 2 ** 20;
/** What a connector may hold beside what it counts. */
const UNCOUNTED_BYTES = 24 * MIB;
const RING = { ringBytesPerChannel: MIB, ringBytes: 8 * MIB } as const;
const COUNT = 1_200;
const TYPED = { "Halley-Type": "demo.v1.OrderChanged", "Content-Type": "application/protobuf" } as const;
/** An order's number. */
const SMALL_ORDER = Buffer.from("\n\x03A-1");
/** 5,000 items, one of each: 20 KB, 75 KB in JSON. */
const LONG_ORDER = Buffer.from("\x1a\x02\x10\x01".repeat(5_000), "latin1");
const LARGE = `"${"x".repeat(60_000)}"`;
const LARGE_PAYLOAD = Buffer.from(LARGE);

const CHANNELS = ["typed.small", "live.large", "live.small", "live.end", ...Array.from({ length: 8 }, (_, at) => `typed.${String(at)}`)];

/** Messages that are small, and come with what is large. */
const KINDS: readonly { readonly name: string; readonly publish: (direct: DirectPublisher, n: number) => void }[] = [
  {
    name: "small messages that come between large ones",
    publish({ bus }) {
      bus.publish(subjects.publish("typed.small"), SMALL_ORDER, { headers: makeHeaders(TYPED) });
      bus.publish(subjects.publish("live.large"), LARGE_PAYLOAD);
    },
  },
  {
    name: "small messages with headers that say nothing to anybody",
    publish({ bus }, n) {
      bus.publish(subjects.publish("live.small"), Buffer.from(String(n)), { headers: makeHeaders({ "Halley-Type": "an event of some kind", "X-Large": LARGE }) });
    },
  },
  {
    name: "messages that are larger when they are decoded, and in JSON",
    publish({ bus }, n) {
      if (n % 3 === 0) bus.publish(subjects.publish(`typed.${String(n % 8)}`), LONG_ORDER, { headers: makeHeaders(TYPED) });
    },
  },
];

/** What a connector counts is what it holds. */
export const memoryScenarios: readonly Scenario[] = [
  {
    name: "memory: recent publications hold no more than is counted, whatever they came with",
    fault: "large messages", transport: "websocket", history: "none", isShort: true,
    world: { nats: "single", connectors: 1, limits: RING, env: { HALLEY_SCHEMAS: resolve("examples/schemas") }, namespaces: { typed: { subscribe: "signed-in" }, live: { subscribe: "signed-in", untyped: true } } },
    async run(world) {
      const [connector] = world.connectors;
      if (!connector) throw new Error("there must be a connector");
      let last = "";
      const listener = await Listener.connect({ port: connector.port, channels: CHANNELS, onLine: (line) => { if (line.includes('"live.end"')) last = line; } });
      world.onLeave(() => { listener.close(); });
      const direct = await world.direct();
      const faults: string[] = [];
      for (const { name, publish } of KINDS) {
        const before = await readHoldings(connector);
        const countedBefore = await connector.metric("halley_connector_ring_bytes");
        for (let n = 0; n < COUNT; n++) {
          publish(direct, n);
          if (n % 20 === 19) await direct.bus.flush();
        }
        direct.bus.publish(subjects.publish("live.end"), Buffer.from(`"${name}"`));
        await world.until(() => last.includes(name), `"${name}" have come`);
        await world.until(async () => (await connector.metric("halley_connector_queued_bytes")) === 0, "the client has read everything");
        const after = await readHoldings(connector);
        const counted = Math.max(0, (await connector.metric("halley_connector_ring_bytes")) - countedBefore);
        const held = after.heapBytes + after.externalBytes - before.heapBytes - before.externalBytes;
        world.note(`${name}: ${mib(held)} more held, ${mib(counted)} counted`);
        if (held > counted + UNCOUNTED_BYTES) faults.push(`${name}: the connector holds ${mib(held)} more, and counts ${mib(counted)}`);
      }
      return faults;
    },
  },
];

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
