import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Bus } from "../../lib/bus/bus.js";
import { ensureStreams } from "../../lib/bus/ensureStreams.js";
import { systemClock } from "../../lib/clock.js";
import { parseNamespaces } from "../../lib/config/namespaces.js";
import { silentLog } from "../../lib/log.js";
import { loadSchemas } from "../../lib/schema/loadSchemas.js";
import { Listener } from "../../test/helpers/channelRig.js";
import { eventually } from "../../test/helpers/eventually.js";
import { FakeClock } from "../../test/helpers/fakeClock.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { MessageInterpreter } from "./channel/messageInterpreter.js";
import { Hub } from "./hub.js";
import { DEFAULT_LIMITS, type Limits } from "./limits.js";
import { Flusher } from "./transport/flusher.js";

const namespaces = parseNamespaces({ namespaces: { live: { subscribe: "signed-in", untyped: true } } }, "test");
const CHUNK = { chunkMessages: 100, chunkBytes: 100_000 };

describe("hub", () => {
  let nats: NatsServer;
  let bus: Bus;
  let hub: Hub;
  let clock: FakeClock;
  let messages: number;

  beforeAll(async () => { nats = await startNatsServer(); });
  afterAll(() => nats.remove());
  afterEach(async () => {
    vi.restoreAllMocks();
    hub.stop();
    await bus.close();
  });

  /** Time stands still for the hub's own timers; channels without history have none. */
  const start = async (limits: Partial<Limits> = {}): Promise<void> => {
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
    clock = new FakeClock();
    messages = 0;
    const registry = await loadSchemas(undefined);
    const interpreter = new MessageInterpreter({ bus, clock, log: silentLog, registry, onDead: () => undefined });
    const parts = { bus, clock, log: silentLog, namespaces, interpreter, limits: { ...DEFAULT_LIMITS, ...limits }, incarnation: "i", onRepaired: () => undefined, turnEnd: new Flusher(silentLog) };
    hub = new Hub({ ...parts, onMessage: () => { messages += 1; } });
  };
  const publish = async (channel: string, n: number): Promise<void> => {
    bus.publish(`halley.pub.${channel}`, Buffer.from(`{"n":${String(n)}}`));
    await bus.flush();
  };

  it("has one interest in a channel, however many shares", async () => {
    await start();
    const [first, second] = [hub.hold("live.x"), hub.hold("live.x")];
    expect([second.channel, hub.channels]).toEqual([first.channel, 1]);
    await publish("live.x", 1);
    expect(messages).toBe(1);
    first.release();
    first.release();
    clock.advance(DEFAULT_LIMITS.lingerMs);
    expect(hub.channels).toBe(1);
    second.release();
    expect(hub.channels).toBe(1);
  });

  it("closes a channel once, also where its last share is given back after the end", async () => {
    await start();
    const hold = hub.hold("live.x");
    const close = vi.spyOn(hold.channel, "close");
    hub.stop();
    hold.release();
    expect(clock.timers).toBe(0);
    clock.advance(DEFAULT_LIMITS.lingerMs);
    expect(close).toHaveBeenCalledTimes(1);
  });

  it("keeps interest and memory of a channel for a while after its last share, and not longer", async () => {
    await start();
    const hold = hub.hold("live.x");
    await hub.open(hold.channel);
    const { position } = hold.channel;
    hold.release();
    await publish("live.x", 1);
    clock.advance(DEFAULT_LIMITS.lingerMs - 1);
    const again = hub.hold("live.x");
    expect(again.channel.recent(position, CHUNK)).toMatchObject({ continuous: true, publications: [{ offset: 1 }] });
    clock.advance(DEFAULT_LIMITS.lingerMs);
    expect(hub.channels).toBe(1);
    again.release();
    clock.advance(DEFAULT_LIMITS.lingerMs);
    expect([hub.channels, hub.ringBytes, clock.timers]).toEqual([0, 0, 0]);
    await publish("live.x", 2);
    expect(messages).toBe(1);
    expect(hub.hold("live.x").channel.recent(position, CHUNK)).toMatchObject({ continuous: false });
  });

  it("closes the channel that was longest without shares when there are too many of them", async () => {
    await start({ lingeringChannels: 2 });
    const holds = ["a", "b", "c"].map((name) => hub.hold(`live.${name}`));
    for (const hold of holds) hold.release();
    expect([hub.channels, clock.timers]).toEqual([2, 2]);
    const kept = hub.hold("live.b");
    expect(kept.channel).toBe(holds[1]!.channel);
    expect(hub.hold("live.a").channel).not.toBe(holds[0]!.channel);
  });

  it("refuses a namespace that is not there, and has nothing of it then", async () => {
    await start();
    expect(() => hub.hold("other.x")).toThrow(expect.objectContaining({ reason: "UNKNOWN_NAMESPACE" }) as Error);
    expect(hub.channels).toBe(0);
  });

  it("gives up on a channel that doesn't open in 5 s, retryably", async () => {
    await start();
    const hold = hub.hold("all");
    const opening = hub.open(hold.channel);
    clock.advance(5_000);
    await expect(opening).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
  });

  it("can't start before its streams are there, and can be started again", async () => {
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
    const registry = await loadSchemas(undefined);
    const interpreter = new MessageInterpreter({ bus, clock: systemClock, log: silentLog, registry, onDead: () => undefined });
    hub = new Hub({ bus, clock: systemClock, log: silentLog, namespaces, interpreter, limits: DEFAULT_LIMITS, incarnation: "i", onMessage: () => undefined, onRepaired: () => undefined, turnEnd: new Flusher(silentLog) });
    await expect(hub.start()).rejects.toThrow(/the stream of the namespace user can't be followed/);
    await ensureStreams({ bus, namespaces, log: silentLog, clock: systemClock, signal: new AbortController().signal });
    await hub.start();
    expect([hub.epochOf("user"), hub.epochOf("live")]).toEqual([expect.stringMatching(/^.{12}$/), ""]);
    // A nudge makes a channel look that is behind what was stored.
    const hold = hub.hold("all");
    await hub.open(hold.channel);
    const listener = new Listener();
    hold.channel.attach(listener);
    bus.publish("halley.nudge.all", Buffer.from("7"));
    bus.publish("halley.nudge.all", Buffer.from("not a number"));
    bus.publish("halley.nudge.nobody.there", Buffer.from("7"));
    await publish("all", 1);
    await eventually(() => listener.heard.length === 1);
    hold.release();
  });

  it("tells subscribers of a channel without history of a lost connection when NATS has its interest again, and lets nobody recover over it", async () => {
    await start();
    const hold = hub.hold("live.x");
    await hub.open(hold.channel);
    const listener = new Listener();
    hold.channel.attach(listener);
    await publish("live.x", 1);
    await eventually(() => listener.heard.length === 1);
    const before = hold.channel.position;
    let confirm = (): void => undefined;
    vi.spyOn(bus, "flush").mockReturnValueOnce(new Promise((resolve) => { confirm = resolve; }));
    const events: string[] = [];
    bus.onEvent((event) => { events.push(event); });
    await nats.stop();
    await nats.start();
    await eventually(() => events.includes("reconnected"), 10_000);
    expect(listener.heard).toEqual([1]);
    const between = hold.channel.position;
    expect(hold.channel.recent(before, CHUNK)).toMatchObject({ continuous: false });
    confirm();
    await eventually(() => listener.heard.length === 2);
    expect(listener.heard).toEqual([1, "NATS_DISCONNECTED"]);
    expect(hold.channel.recent(between, CHUNK)).toMatchObject({ continuous: false });
  });

  it("tells them again when NATS has the interest, where that took so long that they were told before", async () => {
    await start();
    const hold = hub.hold("live.x");
    await hub.open(hold.channel);
    const listener = new Listener();
    hold.channel.attach(listener);
    let confirm = (): void => undefined;
    vi.spyOn(bus, "flush").mockRejectedValueOnce(new Error("no answer")).mockReturnValueOnce(new Promise((resolve) => { confirm = resolve; }));
    await nats.stop();
    await nats.start();
    await eventually(() => listener.heard.length === 1, 10_000);
    const between = hold.channel.position;
    confirm();
    await eventually(() => listener.heard.length === 2);
    expect(listener.heard).toEqual(["NATS_DISCONNECTED", "NATS_DISCONNECTED"]);
    expect(hold.channel.recent(between, CHUNK)).toMatchObject({ continuous: false });
  });
});
