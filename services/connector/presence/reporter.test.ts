import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Heartbeat, SnapshotPiece, SnapshotRequest } from "../../../gen/halley/v1/heartbeat.js";
import { Bus } from "../../../lib/bus/bus.js";
import { subjects } from "../../../lib/bus/subjects.js";
import { silentLog } from "../../../lib/log.js";
import { eventually } from "../../../test/helpers/eventually.js";
import { FakeClock } from "../../../test/helpers/fakeClock.js";
import { closed, opened, sessionId } from "../../../test/helpers/heartbeats.js";
import { type NatsServer, startNatsServer } from "../../../test/helpers/natsServer.js";
import { LEAST_GRACE_MS } from "./ledger.js";
import { PresenceReporter } from "./reporter.js";

const session = (n: number) => ({ id: sessionId(n), user: `u${String(n)}`, transport: "websocket" as const, sinceMs: 1_000 });

describe("presence reporter", () => {
  let nats: NatsServer;
  let bus: Bus;
  let listener: Bus;
  let clock: FakeClock;
  let reporter: PresenceReporter;
  let connector = "";
  let made = 0;
  const heard: Heartbeat[] = [];

  beforeAll(async () => {
    nats = await startNatsServer();
    bus = await Bus.connect({ servers: [nats.url], name: "reporter", log: silentLog });
    listener = await Bus.connect({ servers: [nats.url], name: "listener", log: silentLog });
    listener.subscribe(subjects.heartbeatAll, ({ data }) => {
      const heartbeat = Heartbeat.decode(data);
      if (heartbeat.connector === connector) heard.push(heartbeat);
    });
    await listener.flush();
  });
  afterAll(async () => {
    await bus.close();
    await listener.close();
    await nats.remove();
  });
  beforeEach(() => {
    heard.length = 0;
    clock = new FakeClock();
    connector = `c${String(++made)}`;
    reporter = new PresenceReporter({ bus, clock, log: silentLog, connector, incarnation: Buffer.alloc(8, 1) });
  });
  afterEach(() => reporter.stop());

  /** Everything that was sent so far has been heard. */
  async function settle(): Promise<Heartbeat[]> {
    await bus.flush();
    await listener.flush();
    return heard;
  }

  it("sends a heartbeat at once and every 5 s, numbered, with its counters", async () => {
    reporter.countPublications(2);
    reporter.countDeliveries(30);
    clock.advance(10_000);
    expect((await settle()).map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(heard[2]).toMatchObject({ connector, leaving: false, counters: { startedMs: clock.nowMs() - 10_000, publications: 2, deliveries: 30 } });
  });

  it("gathers changes and sends them within 200 ms", async () => {
    reporter.sessionOpened(session(1));
    reporter.sessionOpened(session(2));
    reporter.sessionClosed(sessionId(2), 0);
    reporter.joined(sessionId(1), "chat.x");
    reporter.subscriberCount("news", 1);
    expect(await settle()).toHaveLength(1);
    clock.advance(200);
    expect((await settle())[1]).toMatchObject({
      number: 2,
      changes: [opened(1, "u1", { channels: ["chat.x"] }), opened(2, "u2"), closed(2, LEAST_GRACE_MS)],
      counts: [{ channel: "news", sessions: 1 }],
    });
    clock.advance(1_000);
    expect(await settle()).toHaveLength(2);
  });

  it("does not wait when many sessions come at once, and splits what is too large for one message", async () => {
    for (let n = 0; n < 20_000; n++) reporter.sessionOpened({ ...session(n), user: `${"x".repeat(100)}${String(n)}` });
    expect((await settle()).flatMap(({ changes }) => changes)).toHaveLength(20_000);
    expect(heard.map(({ number }) => number)).toEqual(heard.map((_, at) => at + 1));
    for (const heartbeat of heard) expect(Heartbeat.encode(heartbeat).finish().length).toBeLessThan(512 * 2 ** 10);
    expect(heard.length).toBeGreaterThan(5);
  });

  it("answers with a snapshot in numbered pieces of bounded size, after what was pending", async () => {
    for (let n = 0; n < 10_000; n++) reporter.sessionOpened(session(n));
    reporter.subscriberCount("news", 4);
    const pieces: SnapshotPiece[] = [];
    const inbox = listener.createInbox();
    const subscription = listener.subscribe(inbox, ({ data }) => {
      expect(data.length).toBeLessThan(512 * 2 ** 10);
      pieces.push(SnapshotPiece.decode(data));
    });
    await settle();
    listener.publish(subjects.snapshot(connector), SnapshotRequest.encode({}).finish(), { reply: inbox });
    await eventually(() => {
      clock.advance(0);
      return pieces.at(-1)?.last;
    });
    await settle();
    subscription.unsubscribe();
    expect(pieces.map(({ index }) => index)).toEqual(pieces.map((_, at) => at));
    expect(new Set(pieces.map(({ number }) => number))).toEqual(new Set([heard.at(-1)?.number]));
    expect(pieces.flatMap(({ sessions }) => sessions)).toHaveLength(10_000);
    expect(pieces.flatMap(({ counts }) => counts)).toEqual([{ channel: "news", sessions: 4 }]);
    expect(pieces.length).toBeGreaterThan(3);
  });

  it("says goodbye with what was pending, and nothing after", async () => {
    reporter.sessionOpened(session(1));
    reporter.stop();
    reporter.stop();
    reporter.sessionOpened(session(2));
    clock.advance(20_000);
    expect((await settle()).map(({ leaving, changes }) => [leaving, changes.length])).toEqual([[false, 0], [true, 1]]);
    expect(clock.timers).toBe(0);
  });

  it("tells nothing more of a snapshot when it stops", async () => {
    for (let n = 0; n < 10_000; n++) reporter.sessionOpened(session(n));
    const pieces: SnapshotPiece[] = [];
    const inbox = listener.createInbox();
    const subscription = listener.subscribe(inbox, ({ data }) => pieces.push(SnapshotPiece.decode(data)));
    await settle();
    listener.publish(subjects.snapshot(connector), SnapshotRequest.encode({}).finish(), { reply: inbox });
    await eventually(() => pieces.length === 1);
    reporter.stop();
    expect(clock.timers).toBe(0);
    clock.advance(1_000);
    await settle();
    subscription.unsubscribe();
    expect(pieces).toHaveLength(1);
  });

  it("keeps only the state while NATS is away, and leaves a gap in its numbers", async () => {
    await settle();
    await nats.stop();
    await eventually(() => !bus.connected);
    for (let n = 0; n < 10; n++) {
      reporter.sessionOpened(session(n));
      clock.advance(1_000);
    }
    await nats.start();
    await eventually(() => bus.connected && listener.connected);
    await listener.flush();
    clock.advance(5_000);
    await eventually(async () => (await settle()).length >= 2);
    expect(heard[1]?.number).toBeGreaterThan(5);
    expect(heard.flatMap(({ changes }) => changes)).toEqual([]);
  });
});
