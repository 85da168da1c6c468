import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../clock.js";
import { type Namespaces, parseNamespaces } from "../config/namespaces.js";
import { silentLog } from "../log.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { askJetStream } from "./apiRequest.js";
import { Bus } from "./bus.js";
import { ensureStreams, raiseGeneration } from "./ensureStreams.js";
import { type ApiStreamInfo, epochOf, generationOf } from "./streamInfo.js";
import { namespaceStream, type StreamConfig, streamFaults, withGeneration } from "./streamSpec.js";
import { streamOf } from "./subjects.js";

let count = 0;

describe("ensure streams", () => {
  let nats: NatsServer;
  let bus: Bus;
  let name: string;

  beforeAll(async () => { nats = await startNatsServer(); });
  afterAll(() => nats.remove());
  beforeEach(async () => {
    name = `n${String(++count)}`;
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
  });
  afterEach(() => bus.close());

  const namespaces = (messages = 10, age = "1h", bytes = "16MiB"): Namespaces => parseNamespaces({ namespaces: { [name]: { history: { messages, age, bytes } } } }, "test");
  const ensure = (wanted: Namespaces, through = bus): Promise<void> =>
    ensureStreams({ bus: through, namespaces: wanted, log: silentLog, clock: systemClock, signal: AbortSignal.timeout(10_000) });
  const info = (stream = streamOf(name)): Promise<ApiStreamInfo> => askJetStream<ApiStreamInfo>(bus, `STREAM.INFO.${stream}`, undefined);
  const store = (text: string): Promise<unknown> => bus.request(`halley.pub.${name}.x`, text, 5_000);

  it("creates the streams of namespaces, the dead letters and the last-seen bucket, without a fault", async () => {
    await ensure(namespaces());
    const { config } = await info();
    expect(streamFaults(config)).toEqual([]);
    expect(generationOf(config.description)).toBe(1);
    expect((await info("HALLEY_user")).config.max_msgs_per_subject).toBe(1_000);
    expect((await info("HALLEY_DEAD")).config).toMatchObject({ max_msgs: 10_000, subjects: ["halley.dead.>"] });
    expect((await info("KV_HALLEY_LAST_SEEN")).config).toMatchObject({ max_age: 30 * 86_400e9, max_msgs_per_subject: 1 });
  });

  it("changes nothing the second time", async () => {
    await ensure(namespaces());
    await store("kept");
    const before = await info();
    await ensure(namespaces());
    const after = await info();
    expect([after.config, after.created, epochOf(after), after.state.last_seq]).toEqual([before.config, before.created, epochOf(before), 1]);
  });

  it("works when many start at once, with different settings too", async () => {
    const others = await Promise.all(Array.from({ length: 6 }, () => Bus.connect({ servers: [nats.url], name: "test", log: silentLog })));
    await Promise.all(others.map((other, at) => ensure(namespaces(10 + (at % 2)), other)));
    expect(streamFaults((await info()).config)).toEqual([]);
    await Promise.all(others.map((other) => other.close()));
  });

  it("raises the epoch with a limit, keeps it when a limit is lowered, and keeps the messages", async () => {
    await ensure(namespaces(10));
    await store("kept");
    const first = epochOf(await info());
    await ensure(namespaces(5));
    expect(epochOf(await info())).toBe(first);
    await ensure(namespaces(10));
    const second = epochOf(await info());
    expect(second).not.toBe(first);
    await ensure(namespaces(10, "2h"));
    const third = epochOf(await info());
    await ensure(namespaces(10, "2h", "32MiB"));
    expect(new Set([first, second, third, epochOf(await info())]).size).toBe(4);
    expect((await info()).state.messages).toBe(1);
  });

  it("mends a stream that somebody else made, under a new generation", async () => {
    const republish = { src: "halley.pub.>", dest: "halley.out.>" };
    const foreign = { name: streamOf(name), subjects: [`halley.pub.${name}.>`], storage: "file", retention: "limits", num_replicas: 1, republish };
    await askJetStream(bus, `STREAM.CREATE.${streamOf(name)}`, foreign);
    await store("kept");
    await ensure(namespaces());
    const { config, state } = await info();
    expect(streamFaults(config)).toEqual([]);
    expect(generationOf(config.description)).toBeGreaterThan(0);
    expect(state.messages).toBe(1);
  });

  it("says in one sentence which stream can't be mended, and doesn't touch it", async () => {
    const memory: StreamConfig = { ...withGeneration(namespaceStream(name, { messages: 10, ageMs: 60_000, bytes: 2 ** 20 }, 1), 1), storage: "memory" };
    await askJetStream(bus, `STREAM.CREATE.${streamOf(name)}`, memory);
    await expect(ensure(namespaces())).rejects.toThrow(new RegExp(`^JetStream refuses the stream ${streamOf(name)}: `));
    expect((await info()).config.storage).toBe("memory");
  });

  it("refuses replicas on a server without a cluster in one sentence", async () => {
    const wanted = parseNamespaces({ replicas: 3, namespaces: { [name]: { history: { messages: 1, age: "1h", bytes: "16MiB" } } } }, "test");
    await expect(ensure(wanted)).rejects.toThrow(/replicas/);
  });

  it("raises a generation on the stream's own settings", async () => {
    await ensure(namespaces());
    const before = await info();
    const { epoch, generation } = await raiseGeneration(bus, name, epochOf(before), 7_000_000);
    const after = await info();
    expect([generationOf(after.config.description), epochOf(after)]).toEqual([7_000, epoch]);
    expect(generation).toBe(7_000);
    expect({ ...after.config, description: "" }).toEqual({ ...before.config, description: "" });
    expect((await raiseGeneration(bus, name, epochOf(before), 8_000_000)).epoch).toBe(epoch);
  });
});
