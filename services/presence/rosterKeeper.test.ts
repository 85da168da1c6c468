import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Bus } from "../../lib/bus/bus.js";
import { silentLog } from "../../lib/log.js";
import { eventually } from "../../test/helpers/eventually.js";
import { FakeClock } from "../../test/helpers/fakeClock.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
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
});
