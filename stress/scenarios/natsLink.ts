import { setTimeout as pause } from "node:timers/promises";
import type { Scenario } from "../scenario.js";
import { addBehindProxy } from "../world/behindProxy.js";
import { NatsInterposer } from "../world/natsInterposer.js";

const WORLD = { nats: "single", connectors: 1 } as const;

/** What happens between a connector and NATS, while clients keep their connections. */
export const natsLinkScenarios: readonly Scenario[] = [
  {
    name: "a connector's link to NATS is cut again and again, under load",
    fault: "NATS link cut", transport: "both", history: "long", isShort: true, world: WORLD,
    async run(world) {
      const { proxy, ports } = await addBehindProxy(world);
      await world.joinMany(8, { channels: ["chat.a", "chat.b"], ports });
      const traffic = world.traffic({ channels: ["chat.a", "chat.b"], lanes: 4, everyMs: 2 });
      for (let cuts = 0; cuts < world.times(6); cuts++) {
        await traffic.flow(150);
        proxy.cut();
      }
      return undefined;
    },
  },
  {
    name: "a connector's link to NATS is cut while one message comes for each of 40 channels, and nothing after",
    fault: "NATS link cut", transport: "both", history: "long", world: WORLD,
    async run(world) {
      const { proxy, ports } = await addBehindProxy(world);
      const channels = Array.from({ length: 40 }, (_, index) => `chat.quiet${String(index)}`);
      await world.joinMany(4, { channels, ports });
      proxy.mode = "refuse";
      proxy.cut();
      await world.publishOnce(channels);
      proxy.mode = "pass";
      return undefined;
    },
  },
  {
    name: "a link to NATS is away until what came has expired: those who missed it are told so",
    fault: "NATS link cut", transport: "both", history: "short", world: WORLD, honest: ["HISTORY_LOST", "unrecovered"],
    async run(world) {
      const { proxy, ports } = await addBehindProxy(world);
      const clients = await world.joinMany(4, { channels: ["young.a", "young.b"], ports });
      proxy.mode = "refuse";
      proxy.cut();
      await world.publishOnce(["young.a", "young.b"]);
      await pause(16_000);
      proxy.mode = "pass";
      await world.publishOnce(["young.a"]);
      await world.complete();
      await pause(3_000);
      return clients.flatMap(({ state }) => ["young.a", "young.b"].filter((channel) => state.records.get(channel)?.breaks.length === 0).map((channel) => `${state.name} was not told that a message of ${channel} was lost`));
    },
  },
  {
    name: "a link to NATS comes back when what came has expired, and clients come from another connector: only those who missed it are told",
    fault: "NATS link cut", transport: "both", history: "short", world: WORLD, honest: ["HISTORY_LOST", "unrecovered"],
    async run(world) {
      const { proxy, ports } = await addBehindProxy(world);
      const elsewhere = world.ports();
      const channels = Array.from({ length: 700 }, (_, index) => `young.n${String(index)}`);
      await world.joinMany(2, { channels, ports });
      let present: readonly number[] = elsewhere.filter((port) => !ports().includes(port));
      const knowing = await world.joinMany(6, { channels, ports: () => present, backoffMs: 50 });
      await world.publishOnce(channels);
      await world.complete();
      proxy.mode = "refuse";
      proxy.cut();
      await world.publishOnce(channels);
      await pause(16_000);
      await world.publishOnce(channels);
      await world.until(() => knowing.every((client) => channels.every((channel) => (client.state.records.get(channel)?.count ?? 0) >= 3)), "the others have everything");
      present = ports();
      proxy.mode = "pass";
      for (let rounds = 0; rounds < 4; rounds++) {
        for (const client of knowing) client.cut();
        await pause(200);
      }
      await world.publishOnce(channels);
      await world.complete();
      return knowing.flatMap(({ state }) => channels.flatMap((channel) => (state.records.get(channel)?.breaks ?? []).map((reason) => `${state.name} had everything of ${channel} and was told ${reason}`)));
    },
  },
  {
    name: "messages are stored, never republished, and their answers are lost: who finds them stored tells connectors to look",
    fault: "not republished", transport: "both", history: "long", isShort: true, world: { nats: "single", publishes: 0, connectors: 0 },
    async run(world) {
      const [toPublish, toConnector] = [await NatsInterposer.start(world.nats.port), await NatsInterposer.start(world.nats.port)];
      for (const interposer of [toPublish, toConnector]) world.onStop(() => interposer.stop());
      await world.addPublish([toPublish.url]);
      await world.addConnector([toConnector.url]);
      const channels = Array.from({ length: 20 }, (_, index) => `chat.silent${String(index)}`);
      await world.joinMany(4, { channels });
      toConnector.decide = (subject) => (subject.startsWith("halley.out.chat.") ? "drop" : "pass");
      toPublish.decide = (subject) => (subject.startsWith("_INBOX.") ? "drop" : "pass");
      const published = world.publishOnce(channels);
      await world.until(() => toConnector.touched >= channels.length, "all are stored, and came to nobody");
      toPublish.decide = () => "pass";
      await published;
      await world.complete(5_000);
      return undefined;
    },
  },
  {
    name: "publishers set NATS's own headers, and claim other sequences, streams and subjects",
    fault: "forged headers", transport: "both", history: "long", isShort: true, world: { nats: "single", connectors: 2 },
    async run(world) {
      await world.joinMany(6, { channels: ["chat.a"] });
      for (let n = 1; n <= 300; n++) {
        const forged = { "Nats-Sequence": String(world.random.between(1, 1_000)), "Nats-Last-Sequence": String(world.random.between(0, 1_000)), "Nats-Stream": "HALLEY_news", "Nats-Subject": "halley.pub.chat.b", "Nats-Time-Stamp": "x" };
        await world.publishOnNats("chat.a", n, forged);
        if (n % 50 === 0) world.random.pick(world.clients).cut();
      }
      return undefined;
    },
  },
];
