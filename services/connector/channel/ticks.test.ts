import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { askJetStream } from "../../../lib/bus/apiRequest.js";
import { Bus } from "../../../lib/bus/bus.js";
import { makeHeaders } from "../../../lib/bus/publishHeaders.js";
import { namespaceStream } from "../../../lib/bus/streamSpec.js";
import { fetchStreamInfo } from "../../../lib/bus/streamInfo.js";
import { silentLog } from "../../../lib/log.js";
import { eventually } from "../../../test/helpers/eventually.js";
import { FakeClock } from "../../../test/helpers/fakeClock.js";
import { type NatsServer, startNatsServer } from "../../../test/helpers/natsServer.js";
import { type TickChain, Ticks } from "./ticks.js";

const LIMITS = { messages: 1_000, ageMs: 3_600_000, bytes: 2 ** 30 };
let count = 0;

/** The ticks of one connector. */
interface Walker {
  readonly clock: FakeClock;
  readonly ticks: Ticks;
  readonly chains: TickChain[];
  wanted: boolean;
}

describe("ticks", () => {
  let nats: NatsServer;
  let bus: Bus;
  let namespace: string;
  let walkers: Walker[];

  beforeAll(async () => { nats = await startNatsServer(); });
  afterAll(() => nats.remove());
  beforeEach(async () => {
    namespace = `t${String(++count)}`;
    walkers = [];
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
    await askJetStream(bus, `STREAM.CREATE.HALLEY_${namespace}`, namespaceStream(namespace, LIMITS, 1));
  });
  afterEach(async () => {
    for (const { ticks } of walkers) ticks.stop();
    await bus.close();
  });

  const start = async (): Promise<Walker> => {
    const clock = new FakeClock();
    const chains: TickChain[] = [];
    const walker: Walker = { clock, chains, wanted: true, ticks: new Ticks({ bus, clock, namespace, wanted: () => walker.wanted, onTick: (_, chain) => chains.push(chain) }) };
    walker.ticks.start();
    walkers.push(walker);
    await bus.flush();
    return walker;
  };
  const stored = async (): Promise<number> => (await fetchStreamInfo(bus, `HALLEY_${namespace}`)).lastSequence;

  it("are sent by one that misses them, and seen by all", async () => {
    const [one, two] = [await start(), await start()];
    one.clock.advance(4_000);
    await eventually(() => one.chains.length === 1 && two.chains.length === 1);
    expect([one.ticks.sequence, two.ticks.sequence, await stored()]).toEqual([1, 1, 1]);
    // Both have seen one just now: neither is due.
    one.clock.advance(2_999);
    two.clock.advance(2_999);
    expect(await stored()).toBe(1);
    two.clock.advance(1_001);
    await eventually(() => one.ticks.sequence === 2);
    expect([one.chains, two.chains]).toEqual([["whole", "whole"], ["whole", "whole"]]);
  });

  it("are not sent when nobody looks, and at once when somebody begins to, after a long time", async () => {
    const walker = await start();
    walker.wanted = false;
    walker.clock.advance(60_000);
    expect(await stored()).toBe(0);
    walker.wanted = true;
    walker.ticks.hurry();
    walker.clock.advance(1_000);
    await eventually(() => walker.ticks.sequence === 1);
    walker.ticks.hurry();
    walker.clock.advance(1_000);
    expect(await stored()).toBe(1);
  });

  it("count only forwards, also when others publish onto their subjects", async () => {
    const walker = await start();
    const forge = (headers: Record<string, string>): void => { bus.publish(`halley.out.${namespace}.$tick`, new Uint8Array(), { headers: makeHeaders(headers) }); };
    forge({});
    forge({ "Nats-Sequence": "-1" });
    forge({ "Nats-Sequence": "NaN" });
    forge({ "Nats-Sequence": "1e300" });
    walker.clock.advance(4_000);
    await eventually(() => walker.ticks.sequence === 1);
    forge({ "Nats-Sequence": "1" });
    await bus.flush();
    expect(walker.chains.length).toBe(1);
  });

  it("throw when one is wanted now and the stream refuses it: a refusal names the sequence 0", async () => {
    const walker = await start();
    await askJetStream(bus, `STREAM.UPDATE.HALLEY_${namespace}`, { ...namespaceStream(namespace, LIMITS, 1), max_msg_size: 1 });
    await expect(walker.ticks.recent()).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
  });

  it("doubt when the one before is not the one that was seen", async () => {
    const walker = await start();
    walker.clock.advance(4_000);
    await eventually(() => walker.ticks.sequence === 1);
    bus.publish(`halley.out.${namespace}.$tick`, new Uint8Array(), { headers: makeHeaders({ "Nats-Sequence": "9", "Nats-Last-Sequence": "0" }) });
    await eventually(() => walker.ticks.sequence === 9);
    expect(walker.chains).toEqual(["whole", "broken"]);
  });

  it("begin anew with another history", async () => {
    const walker = await start();
    walker.clock.advance(4_000);
    await eventually(() => walker.ticks.sequence === 1);
    walker.clock.advance(4_000);
    await eventually(() => walker.ticks.sequence === 2);
    walker.ticks.forget();
    expect(walker.ticks.sequence).toBe(0);
    await askJetStream(bus, `STREAM.DELETE.HALLEY_${namespace}`, undefined);
    await askJetStream(bus, `STREAM.CREATE.HALLEY_${namespace}`, namespaceStream(namespace, LIMITS, 1));
    walker.clock.advance(4_000);
    await eventually(() => walker.ticks.sequence === 1);
    expect(walker.chains.length).toBe(3);
  });

  it("end", async () => {
    const walker = await start();
    walker.ticks.stop();
    walker.ticks.hurry();
    expect(walker.clock.timers).toBe(0);
    bus.publish(`halley.pub.${namespace}.$tick`, new Uint8Array());
    await bus.flush();
    expect(walker.chains.length).toBe(0);
  });
});
