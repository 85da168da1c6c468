import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Bus } from "../../lib/bus/bus.js";
import { ensureLastSeenBucket } from "../../lib/bus/lastSeenBucket.js";
import { silentLog } from "../../lib/log.js";
import { eventually } from "../helpers/eventually.js";
import { type FrozenLink, startFrozenLink } from "../helpers/frozenLink.js";
import { type NatsServer, startNatsServer } from "../helpers/natsServer.js";
import { LEASE_MS, PresenceClient, startTestConnector, startTestPresence } from "../helpers/presenceService.js";

describe("presence on a frozen link", () => {
  let nats: NatsServer;
  let link: FrozenLink;

  beforeAll(async () => {
    nats = await startNatsServer();
    link = await startFrozenLink(nats.port);
    const bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
    await ensureLastSeenBucket(bus, 1);
    await bus.close();
  });
  afterAll(async () => {
    await link.stop();
    await nats.remove();
  });

  it("takes nobody offline for its own silence, and those who went once it hears again", async () => {
    const replica = await startTestPresence(`nats://127.0.0.1:${String(link.port)}`);
    const [a, b] = [await startTestConnector(nats.url, "a"), await startTestConnector(nats.url, "b")];
    a.reporter.sessionOpened({ id: randomBytes(16), user: "ann", transport: "websocket", sinceMs: 1 });
    b.reporter.sessionOpened({ id: randomBytes(16), user: "bob", transport: "websocket", sinceMs: 1 });
    await replica.ready;
    const client = new PresenceClient(replica.port);
    await eventually(async () => (await client.call<{ online_users: number }>("GetStats")).online_users === 2);
    const watch = client.watch<{ event: string; left?: { user_id: string } }>("WatchPresence");
    await eventually(() => watch.heard.some(({ event }) => event === "synced"));
    link.freeze();
    await b.kill();
    await new Promise((resolve) => setTimeout(resolve, 2 * LEASE_MS));
    expect(watch.heard.map(({ event }) => event)).toEqual(["current", "current", "synced"]);
    link.thaw();
    await eventually(() => watch.heard.some(({ left }) => left?.user_id === "bob"));
    expect(watch.heard.map(({ event }) => event)).toEqual(["current", "current", "synced", "left"]);
    client.close();
    await a.stop();
    await replica.stop();
  });
});
