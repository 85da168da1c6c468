import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Heartbeat } from "../../gen/halley/v1/heartbeat.js";
import { Bus } from "../../lib/bus/bus.js";
import { subjects } from "../../lib/bus/subjects.js";
import { silentLog } from "../../lib/log.js";
import { eventually } from "../../test/helpers/eventually.js";
import { FakeClock } from "../../test/helpers/fakeClock.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { closed, heartbeat, opened } from "../../test/helpers/heartbeats.js";
import { RosterKeeper } from "./rosterKeeper.js";

/** A clock whose timers come late, all at once, when the process stood still. */
class StoppableClock extends FakeClock {
  #lostMs = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + this.#lostMs;
  }

  standStill(ms: number): void {
    this.#lostMs += ms;
    this.advance(500);
  }
}

/** A clock whose timers come a little early, as those of Node.js do. */
class HastyClock extends FakeClock {
  override monotonicMs(): number {
    return super.monotonicMs() * (1 - 1e-5);
  }
}

describe("the keeper of a roster", () => {
  let nats: NatsServer;
  let bus: Bus;
  beforeAll(async () => {
    nats = await startNatsServer();
    bus = await Bus.connect({ servers: [nats.url], name: "keeper", log: silentLog });
  });
  afterAll(async () => {
    await bus.close();
    await nats.remove();
  });

  it("has as many timers after many standstills as after one, and none when it has stopped", async () => {
    const clock = new StoppableClock();
    const errors: object[] = [];
    const keeper = new RosterKeeper({ bus, clock, log: { ...silentLog, error: (fields) => { errors.push(fields); } }, roundMs: 6_000, leaseMs: 12_000 });
    const before = clock.timers;
    for (let times = 0; times < 5; times++) {
      clock.standStill(3_000);
      // It waits for the goodbyes that waited.
      await eventually(() => clock.timers === before + 2);
      clock.advance(300);
      await bus.flush();
      await eventually(() => clock.timers === before + 1);
    }
    clock.standStill(3_000);
    await eventually(() => clock.timers === before + 2);
    await keeper.stop();
    await bus.flush();
    expect([clock.timers, errors]).toEqual([0, []]);
  });

  it.each([["a round", 6_000, [1]], ["a lease, where a connector gives no snapshot", 12_000, [5]]] as const)("is ready after %s also where timers come early", async (_, afterMs, numbers) => {
    const clock = new HastyClock();
    const keeper = new RosterKeeper({ bus, clock, log: silentLog, roundMs: 6_000, leaseMs: 12_000 });
    try {
      for (const number of numbers) bus.publish(subjects.heartbeat("A"), Heartbeat.encode(heartbeat("A", number)).finish());
      await bus.flush();
      clock.advance(afterMs - 10);
      expect(keeper.isReady).toBe(false);
      clock.advance(12);
      expect(keeper.isReady).toBe(true);
    } finally {
      await keeper.stop();
    }
  });

  describe("with a connector that has much to say", () => {
    const clock = new FakeClock();
    let keeper: RosterKeeper;
    let number: number;
    const say = async (changes: Parameters<typeof heartbeat>[2] = []): Promise<void> => {
      number += 1;
      bus.publish(subjects.heartbeat("A"), Heartbeat.encode(heartbeat("A", number, changes)).finish());
      await bus.flush();
    };
    beforeEach(() => {
      keeper = new RosterKeeper({ bus, clock, log: silentLog, roundMs: 10, leaseMs: 12_000 });
      number = 0;
    });
    afterEach(() => keeper.stop());

    it("ends graces in time, however often heartbeats come", async () => {
      await say([opened(1, "ann")]);
      await say([closed(1, 100)]);
      expect(keeper.roster.user("ann").sessions).toBe(1);
      for (let passedMs = 0; passedMs < 150; passedMs += 5) {
        clock.advance(5);
        await say();
      }
      await eventually(() => keeper.roster.user("ann").sessions === 0);
    });

    it("ends many graces in turns of the event loop of their own, and tells of each once", async () => {
      const COUNT = 5_000;
      const all = Array.from({ length: COUNT }, (_, index) => index + 1);
      const offline: string[] = [];
      const turns: number[] = [];
      let turn = 0;
      const count = (): NodeJS.Immediate => setImmediate(() => {
        turn += 1;
        counting = count();
      });
      let counting = count();
      keeper.onEvents((events) => {
        const gone = events.filter(({ kind }) => kind === "offline");
        if (gone.length > 0) turns.push(turn);
        offline.push(...gone.map(({ user }) => user));
      });
      try {
        for (let from = 0; from < COUNT; from += 1_000) await say(all.slice(from, from + 1_000).map((session) => opened(session, `user-${String(session)}`)));
        for (let from = 0; from < COUNT; from += 1_000) await say(all.slice(from, from + 1_000).map((session) => closed(session, 100)));
        expect(keeper.roster.stats().onlineUsers).toBe(COUNT);
        clock.advance(200);
        await eventually(() => keeper.roster.stats().onlineUsers === 0);
      } finally {
        clearImmediate(counting);
      }
      expect([new Set(offline).size, offline.length]).toEqual([COUNT, COUNT]);
      expect([turns.length, new Set(turns).size]).toEqual([COUNT / 200, COUNT / 200]);
    });
  });
});
