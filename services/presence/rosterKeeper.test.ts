import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Heartbeat } from "../../gen/halley/v1/heartbeat.js";
import { Bus } from "../../lib/bus/bus.js";
import { subjects } from "../../lib/bus/subjects.js";
import { systemClock } from "../../lib/clock.js";
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

  describe("with a connector that has much to say", () => {
    let keeper: RosterKeeper;
    let number: number;
    const say = (changes: Parameters<typeof heartbeat>[2] = []): void => {
      number += 1;
      bus.publish(subjects.heartbeat("A"), Heartbeat.encode(heartbeat("A", number, changes)).finish());
    };
    beforeEach(() => {
      keeper = new RosterKeeper({ bus, clock: systemClock, log: silentLog, roundMs: 10, leaseMs: 12_000 });
      number = 0;
    });
    afterEach(() => keeper.stop());

    it("ends graces in time, however often heartbeats come", async () => {
      say([opened(1, "ann")]);
      await eventually(() => keeper.roster.user("ann").sessions === 1);
      say([closed(1, 100)]);
      const talking = setInterval(() => { say(); }, 3);
      try {
        await eventually(() => keeper.roster.user("ann").sessions === 0, 2_000);
      } finally {
        clearInterval(talking);
      }
    });

    it("ends many graces without keeping others waiting, and tells of each once", async () => {
      const COUNT = 20_000;
      const all = Array.from({ length: COUNT }, (_, index) => index + 1);
      const offline: string[] = [];
      const pieces: number[] = [];
      keeper.onEvents((events) => {
        const gone = events.filter(({ kind }) => kind === "offline");
        if (gone.length > 0) pieces.push(gone.length);
        offline.push(...gone.map(({ user }) => user));
      });
      for (let from = 0; from < COUNT; from += 1_000) say(all.slice(from, from + 1_000).map((session) => opened(session, `user-${String(session)}`)));
      await eventually(() => keeper.roster.stats().onlineUsers === COUNT);
      for (let from = 0; from < COUNT; from += 1_000) say(all.slice(from, from + 1_000).map((session) => closed(session, 200)));
      await eventually(() => keeper.roster.stats().onlineUsers === 0);
      expect(new Set(offline).size).toBe(COUNT);
      expect(offline).toHaveLength(COUNT);
      expect(Math.max(...pieces)).toBeLessThanOrEqual(500);
    });
  });
});
