import { setTimeout as pause } from "node:timers/promises";
import { signToken } from "../../test/helpers/installation.js";
import { WsClient } from "../../test/helpers/wsClient.js";
import type { StressClient } from "../clients/client.js";
import type { Scenario } from "../scenario.js";

const CHANNELS = ["chat.a", "chat.b"];

function count(clients: readonly StressClient[], code: number): number {
  return clients.flatMap(({ state }) => state.closeCodes).filter((one) => one === code).length;
}

/** What happens to sessions and tokens. */
export const sessionScenarios: readonly Scenario[] = [
  {
    name: "sessions: a newer connection closes the older one with 3500, and nothing is lost between them",
    fault: "session taken over", transport: "websocket", history: "long", closeCodes: [3500], world: { nats: "single", connectors: 2 },
    async run(world) {
      const clients = await world.joinMany(10, { channels: CHANNELS, transport: "websocket" });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 5 });
      const rounds = 6;
      for (let round = 1; round <= rounds; round++) {
        await traffic.flow(80);
        for (const client of clients) client.renew();
        await world.until(() => count(clients, 3500) >= round * clients.length, "every older connection was closed with 3500");
      }
      await traffic.flow(80);
      await world.until(async () => (await world.metric("halley_connector_sessions")) === clients.length, "one session each is left");
      return clients.flatMap(({ state }) => state.closeCodes.filter((code) => code !== 3500).map((code) => `${state.name} was closed with ${String(code)}`));
    },
  },
  {
    name: "sessions: two tabs fight for one session id, and each gets everything",
    fault: "session shared", transport: "both", history: "long", closeCodes: [3500], world: { nats: "single", connectors: 2 },
    async run(world) {
      const tabs: StressClient[] = [];
      for (const transport of ["websocket", "poll", "websocket"] as const) {
        const user = `fighter${String(tabs.length)}`;
        const one = await world.join({ user, channels: CHANNELS, transport, backoffMs: 500 });
        const { session } = one.state;
        if (session === undefined) throw new Error("the first tab has no session");
        tabs.push(one, await world.join({ user, channels: CHANNELS, transport: "websocket", backoffMs: 500, session }));
      }
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 5 });
      await traffic.flow(1_200);
      const fights = count(tabs, 3500);
      return fights >= 5 ? undefined : [`only ${String(fights)} connections were closed with 3500: nobody fought`];
    },
  },
  {
    name: "sessions: tokens expire again and again, and the clients come back with new ones",
    fault: "token expired", transport: "both", history: "long", closeCodes: [3101], world: { nats: "single", connectors: 2 },
    async run(world) {
      const clients: StressClient[] = [];
      for (let index = 0; index < 10; index++) {
        const user = `short-lived${String(index)}`;
        clients.push(await world.join({ user, channels: CHANNELS, transport: index % 2 === 0 ? "websocket" : "poll", token: () => signToken(user, "3s") }));
      }
      const traffic = world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 5 });
      await world.until(() => clients.every(({ state }) => state.closeCodes.filter((code) => code === 3101).length + state.errors.filter((reason) => reason === "TOKEN_EXPIRED").length >= 3), "every token expired three times");
      await traffic.flow(50);
      return clients.flatMap(({ state }) => [
        ...state.closeCodes.filter((code) => code !== 3101).map((code) => `${state.name} was closed with ${String(code)}`),
        ...state.errors.filter((reason) => reason !== "TOKEN_EXPIRED").map((reason) => `${state.name} was told ${reason}`),
      ]);
    },
  },
  {
    name: "sessions: tokens are refreshed in time, and no connection ends",
    fault: "token refreshed", transport: "websocket", history: "long", world: { nats: "single", connectors: 2 },
    async run(world) {
      const faults: string[] = [];
      const clients: StressClient[] = [];
      for (let index = 0; index < 8; index++) {
        const user = `refreshing${String(index)}`;
        clients.push(await world.join({ user, channels: CHANNELS, transport: "websocket", token: () => signToken(user, "4s") }));
      }
      world.traffic({ channels: CHANNELS, lanes: 4, everyMs: 5 });
      for (let rounds = 0; rounds < 5; rounds++) {
        await pause(2_000);
        for (const [index, client] of clients.entries()) {
          const { error } = await client.ask({ refresh: { token: await signToken(`refreshing${String(index)}`, "4s") } });
          if (error) faults.push(`${client.state.name}: a refresh was refused: ${error.reason}`);
        }
      }
      for (const { state } of clients) for (const code of state.closeCodes) faults.push(`${state.name} was closed with ${String(code)}`);
      return faults;
    },
  },
  {
    name: "sessions: a connector is frozen while clients sign in, for longer than that may take: none of them is taken for late",
    fault: "frozen at sign-in", transport: "websocket", history: "long", world: { nats: "single", connectors: 1, limits: { signInMs: 2_000 } },
    async run(world) {
      const [connector] = world.connectors;
      if (!connector) throw new Error("there must be a connector");
      await world.joinMany(6, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, everyMs: 10 });
      await traffic.flow(50);
      const token = await signToken("patient");
      const late = await Promise.all(Array.from({ length: 30 }, () => WsClient.open(connector.port)));
      connector.freeze();
      const answers = late.map((client) => client.ask({ connect: { token } }).catch(() => ({})));
      await pause(4_000);
      connector.thaw();
      const refused = (await Promise.all(answers)).filter((answer) => !("connected" in answer)).length;
      for (const client of late) client.cut();
      await traffic.flow(50);
      return refused > 0 ? [`${String(refused)} of ${String(late.length)} could not sign in`] : [];
    },
  },
];
