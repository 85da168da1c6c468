import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../test/helpers/eventually.js";
import { NATS_PROGRAMS } from "../../test/helpers/natsPrograms.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { silentLog } from "../log.js";
import { askJetStream } from "./apiRequest.js";
import { Bus } from "./bus.js";
import { consumeRange } from "./consumeRange.js";
import { namespaceStream } from "./streamSpec.js";
import { fetchStreamInfo } from "./streamInfo.js";

let count = 0;

/** Servers from 2.9.15 to 2.10, between those that are tried here, are read so; all know consumers. */
describe.each(NATS_PROGRAMS)("reading a stretch of a channel through a consumer, on nats-server $version", ({ program }) => {
  let nats: NatsServer;
  let bus: Bus;
  let name: string;

  beforeAll(async () => { nats = await startNatsServer("", program); });
  afterAll(() => nats.remove());
  beforeEach(async () => {
    name = `c${String(++count)}`;
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
    await askJetStream(bus, `STREAM.CREATE.HALLEY_${name}`, namespaceStream(name, { messages: 1_000_000, ageMs: 3_600_000, bytes: 2 ** 30 }, 1));
  });
  afterEach(() => bus.close());

  const subject = (): string => `halley.pub.${name}.x`;
  const store = async (messages: number, bytes = 2): Promise<void> => {
    for (let n = 1; n <= messages; n++) {
      bus.publish(`halley.pub.${name}.other`, Buffer.from("-"));
      bus.publish(subject(), Buffer.alloc(bytes));
    }
    await eventually(async () => (await fetchStreamInfo(bus, `HALLEY_${name}`)).lastSequence === 2 * messages);
  };
  const read = async (from: number, to: number, { maxMessages = 1e9, maxBytes = 1e9 } = {}): Promise<number[]> =>
    (await consumeRange(bus, `HALLEY_${name}`, { subject: subject(), from, to, maxMessages, maxBytes })).map(({ sequence }) => sequence);
  const even = (from: number, to: number): number[] => Array.from({ length: (to - from) / 2 + 1 }, (_, at) => from + 2 * at);

  it("gives all of the range, in order, batch after batch, and no more than its bounds", async () => {
    await store(700);
    expect(await read(1, 1_400)).toEqual(even(2, 1_400));
    expect(await read(21, 1_200)).toEqual(even(22, 1_200));
    expect(await read(21, 1_200, { maxMessages: 7 })).toEqual(even(22, 34));
    expect(await read(21, 1_200, { maxBytes: 10 })).toEqual(even(22, 30));
    expect(await read(1_401, 1_500)).toEqual([]);
  });

  it("may end before a message that is larger than what is left of the bytes", async () => {
    await store(3, 100_000);
    expect(await read(1, 6, { maxBytes: 1 })).toEqual([]);
    expect(await read(1, 6, { maxBytes: 250_000 })).toEqual([2, 4, 6]);
  });

  it("leaves no consumer behind", async () => {
    await store(10);
    await read(1, 20);
    await eventually(async () => (await askJetStream<{ total: number }>(bus, `CONSUMER.NAMES.HALLEY_${name}`, undefined)).total === 0);
  });
});
