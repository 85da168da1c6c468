import { startTcpProxy } from "../../test/helpers/tcpProxy.js";
import type { Scenario } from "../scenario.js";

/** A busy machine may take so long to tell. */
const TOLD_MS = 25_000;
const HELD = { nats: "single", connectors: 3 } as const;

/** What happens between clients and connectors. */
export const connectionScenarios: readonly Scenario[] = [
  {
    name: "nothing goes wrong: everybody gets everything",
    fault: "none", transport: "both", history: "long", isShort: true, world: HELD,
    async run(world) {
      const clients = await world.joinMany(20, { channels: ["chat.a", "chat.b", "news.a"] });
      await world.traffic({ channels: ["chat.a", "chat.b", "news.a"], lanes: 4, everyMs: 2 }).flow(world.times(2_000));
      return clients.flatMap(({ state }) => [
        ...state.closeCodes.map((code) => `${state.name} was closed with ${String(code)}, though nothing went wrong`),
        ...state.errors.map((reason) => `${state.name} was told ${reason}, though nothing went wrong`),
      ]);
    },
  },
  {
    name: "inboxes and everyone: connections are cut all the time",
    fault: "connection cut", transport: "both", history: "inbox", isShort: true, world: HELD,
    async run(world) {
      const users = Array.from({ length: 8 }, (_, index) => `inbox${String(index)}`);
      for (const [index, user] of users.entries()) await world.join({ user, channels: ["all", `user.${user}`], transport: index % 2 === 0 ? "websocket" : "poll" });
      const traffic = world.traffic({ channels: ["all", ...users.map((user) => `user.${user}`)], lanes: 4 });
      for (let cuts = 0; cuts < world.times(60); cuts++) {
        await traffic.flow(10);
        world.random.pick(world.clients).cut();
      }
      return undefined;
    },
  },
  {
    name: "connections are cut all the time, and come back anywhere",
    fault: "connection cut", transport: "both", history: "long", isShort: true, world: HELD,
    async run(world) {
      const clients = await world.joinMany(16, { channels: ["chat.a", "chat.b"] });
      const traffic = world.traffic({ channels: ["chat.a", "chat.b"], lanes: 4, everyMs: 1 });
      for (let cuts = 0; cuts < world.times(150); cuts++) {
        await traffic.flow(10);
        world.random.pick(clients).cut();
      }
      return undefined;
    },
  },
  {
    name: "clients change between WebSocket and long-poll across three connectors",
    // A poll that was given up when it had just been sent may reach a slow connector late, and take the session back.
    fault: "transport changed", transport: "mixed", history: "long", isShort: true, closeCodes: [3500], world: HELD,
    async run(world) {
      const clients = await world.joinMany(12, { channels: ["chat.a", "chat.b"] });
      const traffic = world.traffic({ channels: ["chat.a", "chat.b"], lanes: 4, everyMs: 1 });
      for (let changes = 0; changes < world.times(120); changes++) {
        await traffic.flow(10);
        world.random.pick(clients).switchTo(world.random.pick(["websocket", "poll"]));
      }
      return undefined;
    },
  },
  {
    name: "every third poll's answer is lost, and the request comes again, elsewhere",
    fault: "answer lost", transport: "long-poll", history: "long", isShort: true, world: HELD,
    async run(world) {
      await Promise.all(Array.from({ length: 10 }, () => world.join({ channels: ["chat.a"], transport: "poll", lostAnswers: 0.34 })));
      await world.traffic({ channels: ["chat.a"], lanes: 4, everyMs: 1 }).flow(world.times(2_000));
      return undefined;
    },
  },
  {
    name: "half-open connections: the connector is not told that its clients are gone",
    fault: "cut unnoticed", transport: "both", history: "long", isShort: true, world: { nats: "single", connectors: 1 },
    async run(world) {
      const proxy = await startTcpProxy(world.ports()[0] ?? 0);
      world.onLeave(() => proxy.stop());
      await world.joinMany(8, { channels: ["chat.a"], ports: () => [proxy.port] });
      const traffic = world.traffic({ channels: ["chat.a"], everyMs: 20 });
      for (let cuts = 0; cuts < 15; cuts++) {
        await traffic.flow(15);
        proxy.cutUnnoticed();
      }
      return undefined;
    },
  },
  {
    name: "clients subscribe while messages pour in: history, then live, without a seam",
    fault: "subscribe under load", transport: "both", history: "long", isShort: true, world: HELD,
    async run(world) {
      const traffic = world.traffic({ channels: ["chat.a"], lanes: 8, everyMs: 0 });
      await traffic.flow(world.times(500));
      for (let joins = 0; joins < world.times(40); joins++) {
        await world.join({ channels: ["chat.a"], transport: world.random.pick(["websocket", "poll"]) });
        await traffic.flow(20);
      }
      return undefined;
    },
  },
  {
    name: "clients that were away for long come back to a long history",
    fault: "long absence", transport: "both", history: "long", world: HELD,
    async run(world) {
      const clients = await world.joinMany(10, { channels: ["chat.a"] });
      const traffic = world.traffic({ channels: ["chat.a"], lanes: 16, everyMs: 0 });
      await traffic.flow(100);
      for (const client of clients) client.leave();
      await traffic.flow(20_000, 60_000);
      for (const client of clients) client.comeBack();
      await traffic.flow(1_000);
      return undefined;
    },
  },
  {
    name: "a short history: those who were away for too long are told so, the others get everything",
    // The connectors' own memory would reach further than the history.
    fault: "history too short", transport: "both", history: "short", isShort: true, world: { ...HELD, limits: { ringBytesPerChannel: 1_000 } }, honest: ["unrecovered", "HISTORY_LOST"],
    async run(world) {
      // The stream begins below all that follows: only the channel's own limit says what is gone.
      await world.publishOnce(["short.first"]);
      const clients = await world.joinMany(8, { channels: ["short.a"] });
      const traffic = world.traffic({ channels: ["short.a"], everyMs: 30 });
      await traffic.flow(30);
      const away = clients.slice(0, 4);
      for (const client of away) client.leave();
      await traffic.flow(60);
      for (const client of away) client.comeBack();
      await traffic.flow(30);
      const told = away.filter(({ state }) => state.breaks.length > 0).length;
      const stayed = clients.slice(4).flatMap(({ state }) => state.breaks.map((reason) => `${state.name} was never away, and was told ${reason}`));
      if (stayed.length > 0) return stayed;
      return told === away.length ? undefined : [`only ${String(told)} of ${String(away.length)} were told that history was lost`];
    },
  },
  {
    name: "a stream is full: those whose history other channels have pushed out are told so, who missed less has everything",
    fault: "history pushed out", transport: "both", history: "short", world: { ...HELD, limits: { ringBytesPerChannel: 1_000 } }, honest: ["unrecovered", "HISTORY_LOST"],
    async run(world) {
      const clients = await world.joinMany(8, { channels: ["small.a"] });
      // Of 1 MiB in all, these leave nothing of the channel.
      const ours = world.traffic({ channels: ["small.a"], bytes: 4_000, everyMs: 60 });
      await ours.flow(20);
      const [longAway, shortAway] = [clients.slice(0, 3), clients.slice(3, 6)];
      for (const client of longAway) client.leave();
      await ours.flow(20);
      const others = world.traffic({ channels: ["small.b", "small.c"], bytes: 20_000, everyMs: 10 });
      await others.flow(100);
      await others.stop();
      for (const client of longAway) client.comeBack();
      await world.until(() => longAway.every(({ state }) => state.breaks.length > 0), "those who were away for long were told", TOLD_MS);
      for (const client of shortAway) client.leave();
      await ours.flow(10);
      for (const client of shortAway) client.comeBack();
      await ours.flow(10);
      return clients.slice(3).flatMap(({ state }) => state.breaks.map((reason) => `${state.name} missed nothing that was gone, and was told ${reason}`));
    },
  },
];
