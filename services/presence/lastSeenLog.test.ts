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

/** A bucket of which a test says what it does with each write. */
class ScriptedStore {
  readonly stored = new Map<string, number>();
  writes = 0;
  onWrite: (user: string) => Promise<void> = () => Promise.resolve();

  async write(user: string, atMs: number): Promise<void> {
    this.writes += 1;
    await this.onWrite(user);
    this.stored.set(user, atMs);
  }

  read(): Promise<Map<string, number>> {
    return Promise.resolve(new Map<string, number>());
  }
}

describe("last-seen log, whatever the bucket does", () => {
  const start = (role: Role = "leader"): { store: ScriptedStore; clock: FakeClock; log: LastSeenLog; goes: (user: string, atMs: number) => void; pass: (ms: number) => Promise<void>; be: (now: Role) => void } => {
    const store = new ScriptedStore();
    const clock = new FakeClock();
    const now = { role };
    const log = new LastSeenLog({ store, clock, log: silentLog, role: () => now.role });
    // Answers come between the steps.
    const pass = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 10) {
        clock.advance(10);
        await new Promise<void>((resolve) => { setImmediate(resolve); });
      }
    };
    return { store, clock, log, pass, goes: (user, atMs) => { log.note([{ kind: "offline", user }], atMs); }, be: (next) => { now.role = next; } };
  };
  const refuse = (): Promise<void> => Promise.reject(new Error("refused for this test"));

  it("keeps what can't be written for longer than it would remember, and writes it when it can", async () => {
    const { store, log, pass, goes } = start();
    store.onWrite = refuse;
    for (let n = 0; n < 2_000; n++) goes(`u${String(n)}`, n + 1);
    await pass(60_000);
    expect([store.stored.size, log.dropped, log.failures > 2_000]).toEqual([0, 0, true]);
    store.onWrite = () => Promise.resolve();
    await pass(5_000);
    expect([store.stored.size, log.dropped]).toEqual([2_000, 0]);
  });

  it("lets those that are always refused hold up nobody, and tries each once a second", async () => {
    const { store, log, pass, goes } = start();
    store.onWrite = (user) => (user.startsWith("bad") ? refuse() : Promise.resolve());
    for (let n = 0; n < 300; n++) goes(`bad${String(n)}`, 1);
    await pass(2_000);
    for (let n = 0; n < 1_000; n++) goes(`good${String(n)}`, 2);
    for (let again = 0; again < 20; again++) goes("bad0", 3 + again);
    await pass(10_000);
    expect(store.stored.size).toBe(1_000);
    expect(log.failures).toBeLessThan(300 * 13);
  });

  it("writes one time of a user after another, and the newest last", async () => {
    const { store, pass, goes } = start();
    const release: (() => void)[] = [];
    store.onWrite = () => new Promise((resolve) => { release.push(resolve); });
    goes("ann", 1);
    await pass(50);
    goes("ann", 2);
    await pass(50);
    expect(release).toHaveLength(1);
    release[0]?.();
    await pass(1_100);
    release[1]?.();
    await pass(10);
    expect([store.stored, store.writes]).toEqual([new Map([["ann", 2]]), 2]);
  });

  it("writes what it noticed as the leader also when another one leads", async () => {
    const { store, pass, goes, be } = start();
    for (let n = 0; n < 20_000; n++) goes(`u${String(n)}`, n + 1);
    await pass(100);
    be("follower");
    goes("late", 1);
    await pass(40_000);
    expect([store.stored.size, store.stored.has("late")]).toEqual([20_000, false]);
  });

  it("writes all that it owes when it stops, within 2 s", async () => {
    const { store, clock, log, pass, goes } = start();
    for (let n = 0; n < 20_000; n++) goes(`u${String(n)}`, n + 1);
    const stopped = log.stop();
    await pass(300);
    await stopped;
    expect([store.stored.size, clock.timers]).toEqual([20_000, 0]);
    const stuck = start();
    stuck.store.onWrite = refuse;
    stuck.goes("ann", 1);
    const gaveUp = stuck.log.stop();
    await stuck.pass(2_100);
    await gaveUp;
    expect(stuck.clock.timers).toBe(0);
  });
});
