import { cpSync, rmSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "nats";
import { askJetStream } from "../../lib/bus/apiRequest.js";
import { streamOf } from "../../lib/bus/subjects.js";
import { backUp, restore } from "../../test/helpers/streamBackup.js";
import type { StressClient } from "../clients/client.js";
import type { Scenario } from "../scenario.js";
import { untilTrue } from "../world/untilTrue.js";
import { NAMESPACES, type World } from "../world/world.js";

const WORLD = { nats: "single", connectors: 2 } as const;
const TOLD_MS = 25_000;
const RAISE_EVERY_MS = 10_500;
/** An operator should know. */
const ROLLED_BACK = ["the stream has lost messages that it had stored", "is gone: raising the epoch"];
/** Numbers of messages that no backend counts up to. */
const DIRECT_FROM = 500_000_000;

/** Waits until every client was told; gives who was not. */
async function untilTold(clients: readonly StressClient[], ...reasons: readonly string[]): Promise<string[]> {
  const isTold = ({ state }: StressClient): boolean => state.breaks.some((reason) => reasons.includes(reason));
  await untilTrue(() => clients.every(isTold), TOLD_MS);
  return clients.filter((client) => !isTold(client)).map(({ state }) => `${state.name} was not told ${reasons.join(" or ")}`);
}

/** Waits until these have everything, and gives what they lack: of a history that is gone, nobody is asked any more. */
async function complete(world: World, clients: readonly StressClient[] = world.clients, limitMs?: number): Promise<string[]> {
  await world.complete(limitMs);
  return clients.flatMap(({ state }) => state.check(world.ledger));
}

async function restartPublish(world: World): Promise<void> {
  for (const publish of world.publishes) {
    await publish.stop();
    await publish.start();
  }
}

/** Copies the files of the stopped nats-server. Gives what puts them back. */
async function backUpFiles({ nats }: World): Promise<() => Promise<void>> {
  const backup = `${nats.storeFolder}.backup`;
  await nats.stop();
  cpSync(nats.storeFolder, backup, { recursive: true });
  await nats.start();
  return async () => {
    await nats.stop();
    rmSync(nats.storeFolder, { recursive: true });
    cpSync(backup, nats.storeFolder, { recursive: true });
    await nats.start();
  };
}

/** Puts a back-up back; `publish`: what comes after it was made, and is lost. */
async function rollBack(world: World, publish: () => Promise<void>): Promise<string[]> {
  const clients = await world.joinMany(6, { channels: ["chat.a"] });
  await world.publishMany("chat.a", 50);
  const putBack = await backUpFiles(world);
  await publish();
  const lacking = await complete(world);
  await putBack();
  const faults = [...lacking, ...(await untilTold(clients, "HISTORY_CHANGED"))];
  await world.publishMany("chat.a", 100);
  return faults;
}

/** What happens to a history itself. */
export const historyScenarios: readonly Scenario[] = [
  {
    name: "a stream is removed and made again: everybody is told, and goes on in the new one",
    fault: "stream made again", transport: "both", history: "long", world: WORLD, honest: ["HISTORY_CHANGED", "unrecovered"],
    async run(world) {
      const clients = await world.joinMany(6, { channels: ["chat.a"] });
      const away = await world.joinMany(2, { channels: ["chat.a"] });
      await world.publishMany("chat.a", 100);
      const lacking = await complete(world);
      for (const client of away) client.leave();
      const { bus } = await world.direct();
      await askJetStream(bus, "STREAM.DELETE.HALLEY_chat", undefined);
      await restartPublish(world);
      await world.publishMany("chat.a", 150);
      const faults = [...lacking, ...(await untilTold(clients, "HISTORY_CHANGED"))];
      for (const client of away) client.comeBack();
      await untilTrue(() => away.every(({ state }) => state.breaks.length > 0), TOLD_MS);
      for (const { state } of away) if (state.breaks.length === 0) faults.push(`${state.name} came back to another history and was told nothing`);
      await world.publishMany("chat.a", 50);
      return faults;
    },
  },
  {
    name: "a back-up is put back: everybody is told that what came since is no more, and goes on",
    fault: "roll-back", transport: "both", history: "long", world: WORLD, logs: ROLLED_BACK, honest: ["HISTORY_CHANGED", "unrecovered"],
    run: (world) => rollBack(world, () => world.publishMany("chat.a", 50)),
  },
  {
    name: "a back-up is put back, and only connectors have seen what came since: everybody is told",
    fault: "roll-back of direct publishes", transport: "both", history: "long", world: WORLD, logs: ROLLED_BACK, honest: ["HISTORY_CHANGED", "unrecovered"],
    run: (world) =>
      rollBack(world, async () => {
        for (let n = 1; n <= 50; n++) await world.publishOnNats("chat.a", DIRECT_FROM + n);
      }),
  },
  {
    name: "the same back-up is put back twice: who was away since its making, or since the first time, is told",
    fault: "roll-back, twice", transport: "both", history: "long", world: WORLD, logs: ROLLED_BACK, honest: ["HISTORY_CHANGED", "unrecovered"],
    async run(world) {
      const clients = await world.joinMany(4, { channels: ["chat.a"] });
      const [early, late] = [await world.joinMany(2, { channels: ["chat.a"] }), await world.joinMany(2, { channels: ["chat.a"] })];
      await world.publishMany("chat.a", 50);
      const putBack = await backUpFiles(world);
      await world.publishMany("chat.a", 20);
      const faults = await complete(world);
      for (const client of early) client.leave();
      await putBack();
      faults.push(...(await untilTold([...clients, ...late], "HISTORY_CHANGED")));
      await world.publishMany("chat.a", 30);
      faults.push(...(await complete(world, [...clients, ...late], 5_000)));
      for (const client of late) client.leave();
      // An epoch is raised at most every 10 s.
      await pause(RAISE_EVERY_MS);
      const told = clients.map(({ state }) => state.breaks.length);
      await putBack();
      // Longer than ever, so that no position is above its end.
      await world.publishMany("chat.a", 100);
      const toldLate = late.map(({ state }) => state.breaks.length);
      for (const client of [...early, ...late]) client.comeBack();
      await untilTrue(() => early.every(({ state }) => state.breaks.length > 0) && late.every(({ state }, at) => state.breaks.length > (toldLate[at] ?? 0)), TOLD_MS);
      for (const { state } of early) if (state.breaks.length === 0) faults.push(`${state.name} was away from the beginning, and was told nothing`);
      for (const [at, { state }] of late.entries()) if (state.breaks.length === toldLate[at]) faults.push(`${state.name} was away since the first time, and was told nothing`);
      await untilTrue(() => clients.every(({ state }, at) => state.breaks.length > (told[at] ?? 0)), TOLD_MS);
      for (const [at, { state }] of clients.entries()) if (state.breaks.length === told[at]) faults.push(`${state.name} was not told of the second time`);
      await world.publishMany("chat.a", 20);
      return faults;
    },
  },
  {
    name: "a stream is deleted and restored by JetStream itself from a back-up: everybody is told, and goes on",
    fault: "restored", transport: "both", history: "long", world: WORLD, logs: ROLLED_BACK, honest: ["HISTORY_CHANGED", "unrecovered"],
    async run(world) {
      const clients = await world.joinMany(4, { channels: ["chat.a"] });
      const away = await world.joinMany(4, { channels: ["chat.a"] });
      await world.publishMany("chat.a", 50);
      await complete(world);
      const operator = await connect({ servers: [...world.natsUrls] });
      try {
        const backup = await backUp(operator, streamOf("chat"));
        // Two were away from before on, two saw what will be no more.
        for (const client of away.slice(0, 2)) client.leave();
        await world.publishMany("chat.a", 50);
        const lacking = await complete(world, [...clients, ...away.slice(2)], 5_000);
        for (const client of away.slice(2)) client.leave();
        await operator.request(`$JS.API.STREAM.DELETE.${streamOf("chat")}`);
        await restore(operator, backup);
        const faults = [...lacking, ...(await untilTold(clients, "HISTORY_CHANGED"))];
        await world.publishMany("chat.a", 100);
        for (const client of away) client.comeBack();
        return [...faults, ...(await untilTold(away, "unrecovered", "HISTORY_CHANGED"))];
      } finally {
        await operator.close();
      }
    },
  },
  {
    name: "a history is cleared: those who are there and those who come back are told",
    fault: "tombstone", transport: "both", history: "long", isShort: true, world: WORLD, honest: ["HISTORY_CLEARED", "unrecovered", "HISTORY_LOST"],
    async run(world) {
      const clients = await world.joinMany(4, { channels: ["chat.a"] });
      const away = await world.joinMany(2, { channels: ["chat.a"] });
      await world.publishMany("chat.a", 50);
      const lacking = await complete(world);
      for (const client of away) client.leave();
      const direct = await world.direct();
      await direct.publish("chat.a", "", { "Halley-Control": "tombstone" });
      await world.publishMany("chat.a", 50);
      // A poll knows that something is missing, and not why.
      const faults = [...lacking, ...(await untilTold(clients, "HISTORY_CLEARED", "HISTORY_LOST"))];
      for (const client of away) client.comeBack();
      await untilTrue(() => away.every(({ state }) => state.breaks.length > 0), TOLD_MS);
      for (const { state } of away) if (state.breaks.length === 0) faults.push(`${state.name} came back across a tombstone and was told nothing`);
      await world.publishMany("chat.a", 20);
      return faults;
    },
  },
  {
    name: "a limit is raised: what it took before proves nothing by the new one, and everybody is told",
    fault: "limit raised", transport: "both", history: "short", world: { ...WORLD, limits: { ringBytesPerChannel: 1_000 } }, honest: ["HISTORY_CHANGED", "unrecovered"],
    async run(world) {
      const clients = await world.joinMany(4, { channels: ["short.a"] });
      const away = await world.joinMany(2, { channels: ["short.a"] });
      await world.publishMany("short.a", 10);
      await world.complete();
      for (const client of away) client.leave();
      await world.publishMany("short.a", 15);
      const lacking = await complete(world, clients, 5_000);
      world.configure({ ...NAMESPACES, short: { ...NAMESPACES.short, history: { messages: 1_000, age: "1h", bytes: "64MiB" } } });
      await restartPublish(world);
      const faults = [...lacking, ...(await untilTold(clients, "HISTORY_CHANGED"))];
      for (const client of away) client.comeBack();
      await untilTrue(() => away.every(({ state }) => state.breaks.length > 0), TOLD_MS);
      for (const { state } of away) if (state.breaks.length === 0) faults.push(`${state.name} was told nothing`);
      await world.publishMany("short.a", 30);
      return faults;
    },
  },
];
