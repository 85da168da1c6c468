import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Bus } from "../../lib/bus/bus.js";
import { LastSeen } from "../../lib/bus/lastSeen.js";
import { ensureLastSeenBucket } from "../../lib/bus/lastSeenBucket.js";
import { systemClock } from "../../lib/clock.js";
import { silentLog } from "../../lib/log.js";
import { eventually } from "../../test/helpers/eventually.js";
import { FakeClock } from "../../test/helpers/fakeClock.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { LastSeenLog, MAX_REMEMBERED, type Role } from "./lastSeenLog.js";

describe("last-seen log", () => {
  let nats: NatsServer;
  let bus: Bus;
  let store: LastSeen;
  let clock: FakeClock;
  let role: Role;
  let log: LastSeenLog;

  beforeAll(async () => {
    nats = await startNatsServer();
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
    store = new LastSeen(bus, systemClock);
    await ensureLastSeenBucket(bus, 1);
  });
  afterAll(async () => {
    store.close();
    await bus.close();
    await nats.remove();
  });
  beforeEach(() => {
    clock = new FakeClock();
    role = "follower";
    log = new LastSeenLog({ store, clock, log: silentLog, role: () => role });
  });

  const goes = (user: string, atMs: number): void => { log.note([{ kind: "offline", user }], atMs); };

  it("gives what it remembers before it is written", async () => {
    goes("ann", 5);
    log.note([{ kind: "online", user: "bob" }, { kind: "left", user: "bob", channel: "chat.x" }], 6);
    expect(await log.read(["ann", "bob"])).toEqual(new Map([["ann", 5]]));
  });

  it("writes when it leads, the newest time of each user", async () => {
    role = "leader";
    goes("cid", 10);
    goes("cid", 11);
    clock.advance(100);
    await eventually(async () => (await store.read(["cid"])).get("cid") === 11);
  });

  it("writes what the leader before may not have written, but not what is long past", async () => {
    goes("old", 20);
    clock.advance(25_000);
    goes("dan", 21);
    clock.advance(10_000);
    role = "leader";
    clock.advance(100);
    await eventually(async () => (await store.read(["dan"])).get("dan") === 21);
    expect(await store.read(["old"])).toEqual(new Map());
  });

  it("keeps times while NATS is away, however long", async () => {
    goes("eve", 30);
    role = "away";
    clock.advance(600_000);
    role = "leader";
    clock.advance(100);
    await eventually(async () => (await store.read(["eve"])).get("eve") === 30);
  });

  it("tries again what could not be written, unless the user was seen later", async () => {
    role = "leader";
    const write = store.write.bind(store);
    let refusals = 0;
    store.write = () => {
      refusals += 1;
      return Promise.reject(new Error("refused for this test"));
    };
    goes("gus", 50);
    goes("hal", 51);
    clock.advance(10);
    await eventually(() => refusals === 2);
    goes("hal", 52);
    store.write = write;
    await eventually(async () => {
      clock.advance(10);
      const seen = await store.read(["gus", "hal"]);
      return seen.get("gus") === 50 && seen.get("hal") === 52;
    });
  });

  it("remembers a bounded number of users", async () => {
    role = "leader";
    for (let n = 0; n < MAX_REMEMBERED + 10; n++) goes(`many-${String(n)}`, n + 1);
    expect(log.dropped).toBe(10);
    expect(await log.read(["many-0", "many-10"])).toEqual(new Map([["many-10", 11]]));
  });

  it("writes the rest when it stops", async () => {
    role = "leader";
    goes("fay", 40);
    const stopped = log.stop();
    await eventually(async () => (await store.read(["fay"])).get("fay") === 40);
    await eventually(() => { clock.advance(10); return true; });
    await stopped;
    expect(clock.timers).toBe(0);
  });
});
