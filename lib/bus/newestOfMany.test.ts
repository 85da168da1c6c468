import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { NATS_PROGRAMS } from "../../test/helpers/natsPrograms.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { silentLog } from "../log.js";
import { askJetStream } from "./apiRequest.js";
import { Bus } from "./bus.js";
import { History } from "./history.js";
import { ISOLATED_SINCE } from "./newestOfMany.js";
import { olderThan } from "./serverVersion.js";
import { namespaceStream } from "./streamSpec.js";

const LIMITS = { messages: 3, ageMs: 3_600_000, bytes: 2 ** 30 };
let count = 0;

describe.each(NATS_PROGRAMS)("the newest messages of those who ask together, on nats-server $version", ({ program, version }) => {
  let nats: NatsServer;
  let bus: Bus;
  let listener: Bus;
  let name: string;
  let history: History;
  const asked: string[] = [];
  const subject = (n: number | string): string => `halley.pub.${name}.${String(n)}`;
  const store = async (n: number | string): Promise<number> => (JSON.parse(Buffer.from((await bus.request(subject(n), Buffer.from("1"), 5_000)).data).toString()) as { seq: number }).seq;
  const isGathered = !olderThan(version, ISOLATED_SINCE);

  beforeAll(async () => { nats = await startNatsServer("", program); });
  afterAll(() => nats.remove());
  beforeEach(async () => {
    name = `n${String(++count)}`;
    const connect = (as: string): Promise<Bus> => Bus.connect({ servers: [nats.url], name: as, log: silentLog });
    [bus, listener] = await Promise.all([connect("test"), connect("listener")]);
    history = new History(bus, name);
    await askJetStream(bus, `STREAM.CREATE.HALLEY_${name}`, namespaceStream(name, LIMITS, 1));
    listener.subscribe(`$JS.API.*.GET.HALLEY_${name}`, ({ data }) => { asked.push(Buffer.from(data).toString()); });
    listener.subscribe(`$JS.API.STREAM.MSG.GET.HALLEY_${name}`, ({ data }) => { asked.push(Buffer.from(data).toString()); });
    await listener.flush();
    asked.length = 0;
  });
  afterEach(() => Promise.all([bus.close(), listener.close()]));

  it("are what the leader names for each", async () => {
    const stored = new Map<number, number>();
    for (let n = 0; n < 40; n++) stored.set(n % 10, await store(n % 10));
    const subjects = Array.from({ length: 2_500 }, (_, n) => n);
    const newest = await Promise.all([...subjects, 3, 3].map((n) => history.newestOf(subject(n), true)));
    expect(newest.map(({ sequence }) => sequence)).toEqual([...subjects, 3, 3].map((n) => stored.get(n) ?? 0));
    await listener.flush();
    expect(asked.length).toBe(isGathered ? 3 : 2_502);
    // What was seen with them tells a stream that was rolled back later.
    if (isGathered) expect(newest[0]?.seen?.sequence).toBe(40);
  });

  it("are asked for by whoever asks alone, or where another server may lead, one by one", async () => {
    const sequence = await store("x");
    expect(await history.newestOf(subject("x"), true)).toMatchObject({ sequence, seen: { sequence, subject: subject("x") } });
    expect(await history.newestOf(subject("none"), true)).toEqual({ sequence: 0, seen: undefined });
    await Promise.all(["x", "y", "z"].map((one) => history.newestOf(subject(one), false)));
    await listener.flush();
    expect(asked.map((text) => Object.keys(JSON.parse(text) as object))).toEqual(Array.from({ length: 5 }, () => ["last_by_subj"]));
  });

  it("are of a moment after each was asked for", async () => {
    await store("x");
    for (let round = 0; round < 20; round++) {
      const others = Array.from({ length: 5 }, (_, n) => history.newestOf(subject(n), true));
      const sequence = await store("x");
      const [newest] = await Promise.all([history.newestOf(subject("x"), true), ...others]);
      expect(newest.sequence).toBe(sequence);
    }
  });

  it("of a message whose headers can't be read are asked for alone", async () => {
    const sequence = await store("y");
    bus.connection.publish(subject("x"), Buffer.from("1"), { headers: { encode: () => Buffer.from("NATS/1.0\r\nA b: c\r\n\r\n") } as never });
    await bus.flush();
    const newest = await Promise.all(["x", "y", "z"].map((one) => history.newestOf(subject(one), true)));
    expect(newest.map((one) => one.sequence)).toEqual([sequence + 1, sequence, 0]);
  });

  it("are refused to all where the stream is not there", async () => {
    const nowhere = new History(bus, "nowhere");
    const refused = await Promise.allSettled(["a", "b"].map((one) => nowhere.newestOf(`halley.pub.nowhere.${one}`, true)));
    for (const one of refused) expect(one).toMatchObject({ status: "rejected" });
  });
});
