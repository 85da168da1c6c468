import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Bus } from "../../lib/bus/bus.js";
import { subjects } from "../../lib/bus/subjects.js";
import { silentLog } from "../../lib/log.js";
import { FakeClock } from "../../test/helpers/fakeClock.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { Replicas } from "./replicas.js";

describe("replicas", () => {
  let nats: NatsServer;
  let bus: Bus;
  const clock = new FakeClock();

  beforeAll(async () => {
    nats = await startNatsServer();
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
  });
  afterAll(async () => {
    await bus.close();
    await nats.remove();
  });

  async function beat(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500);
      await bus.flush();
    }
  }

  it("lets the ready one with the lowest id lead", async () => {
    let aIsReady = false;
    const a = new Replicas({ bus, clock, id: "a", isReady: () => aIsReady });
    const b = new Replicas({ bus, clock, id: "b", isReady: () => true });
    await beat(1_500);
    expect([a.isLeader, b.isLeader]).toEqual([false, true]);
    aIsReady = true;
    await beat(1_500);
    expect([a.isLeader, b.isLeader]).toEqual([true, false]);
    await a.stop();
    await bus.flush();
    expect(b.isLeader).toBe(true);
    await b.stop();
  });

  it("follows no longer when the leader is silent for 3 s", async () => {
    const b = new Replicas({ bus, clock, id: "b", isReady: () => true });
    bus.publish(subjects.replica("a"), Buffer.from("ready"));
    await beat(2_000);
    expect(b.isLeader).toBe(false);
    await beat(2_000);
    expect(b.isLeader).toBe(true);
    await b.stop();
  });

  it("remembers a bounded number of others", async () => {
    const b = new Replicas({ bus, clock, id: "b", isReady: () => true });
    for (let n = 0; n < 256; n++) bus.publish(subjects.replica(`c${String(n)}`), Buffer.from("ready"));
    bus.publish(subjects.replica("a"), Buffer.from("ready"));
    await bus.flush();
    expect(b.isLeader).toBe(true);
    await b.stop();
  });
});
