import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../../test/helpers/eventually.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { systemClock } from "../clock.js";
import { silentLog } from "../log.js";
import { Bus } from "./bus.js";
import { LastSeen } from "./lastSeen.js";
import { ensureLastSeenBucket } from "./lastSeenBucket.js";
import { LAST_SEEN_BUCKET } from "./subjects.js";

describe("last seen", () => {
  let nats: NatsServer;
  let bus: Bus;
  let lastSeen: LastSeen;

  beforeAll(async () => {
    nats = await startNatsServer();
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
    lastSeen = new LastSeen(bus, systemClock);
  });
  afterAll(async () => {
    lastSeen.close();
    await bus.close();
    await nats.remove();
  });

  it("waits for the bucket, and gives up when told to", async () => {
    const abort = new AbortController();
    const given = lastSeen.whenBucketExists(abort.signal);
    abort.abort(new Error("enough"));
    await expect(given).rejects.toThrow("enough");
    const found = lastSeen.whenBucketExists(new AbortController().signal);
    await ensureLastSeenBucket(bus, 1);
    await found;
  });

  it("gives what was written last, of many users at once, whatever their ids are", async () => {
    const users = Array.from({ length: 1_000 }, (_, n) => [`u${String(n)}`, `a.b ${String(n)}`, `\u{1F600}*>${String(n)}`, `=${String(n)}`][n % 4] ?? "");
    await Promise.all(users.map((user, n) => lastSeen.write(user, 1_000 + n)));
    await lastSeen.write(users[5]!, 9_999);
    await lastSeen.write(users[5]!, 9_999);
    const found = await lastSeen.read([...users, "never", "never"]);
    expect(found.size).toBe(1_000);
    expect(found.get(users[5]!)).toBe(9_999);
    expect(found.get(users[999]!)).toBe(1_999);
    expect(await lastSeen.read(["never"])).toEqual(new Map());
  });

  it("is readable as an ordinary KV bucket", async () => {
    await lastSeen.write("a.b c", 5);
    const entry = await (await bus.connection.jetstream().views.kv(LAST_SEEN_BUCKET)).get("=YS5iIGM");
    expect(entry?.string()).toBe("5");
  });

  it("says that NATS is away rather than that nobody was seen", async () => {
    await lastSeen.write("ann", 7);
    await nats.stop();
    await eventually(() => !bus.connected);
    await expect(lastSeen.read(["ann"])).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    await expect(lastSeen.write("ann", 8)).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    await nats.start();
    await eventually(() => bus.connected);
    await eventually(async () => (await lastSeen.read(["ann"])).get("ann") === 7);
  });
});
