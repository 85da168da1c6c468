import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Bus } from "../../lib/bus/bus.js";
import { ensureLastSeenBucket } from "../../lib/bus/lastSeenBucket.js";
import { silentLog } from "../../lib/log.js";
import type { RunningPresence } from "../../services/presence/start.js";
import { eventually } from "../helpers/eventually.js";
import { type NatsServer, startNatsServer } from "../helpers/natsServer.js";
import { PresenceClient, startTestConnector, startTestPresence, type TestConnector } from "../helpers/presenceService.js";

const INVALID = 3;
const DENIED = 7;
const PRECONDITION = 9;
const UNAUTHENTICATED = 16;

describe("presence: contract", () => {
  let nats: NatsServer;
  let bus: Bus;
  let running: RunningPresence;
  let connector: TestConnector;
  let client: PresenceClient;

  beforeAll(async () => {
    nats = await startNatsServer();
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
    await ensureLastSeenBucket(bus, 1);
    running = await startTestPresence(nats.url);
    connector = await startTestConnector(nats.url, "a");
    for (const user of ["ann", "bob"]) {
      const id = randomBytes(16);
      connector.reporter.sessionOpened({ id, user, transport: "poll", sinceMs: 1_700_000_000_123 });
      connector.reporter.joined(id, "chat.x");
    }
    await running.ready;
    client = new PresenceClient(running.port);
    await eventually(async () => (await client.call<{ online_users: number }>("GetStats")).online_users === 2);
  });
  afterAll(async () => {
    client.close();
    await connector.stop();
    await running.stop();
    await bus.close();
    await nats.remove();
  });

  const methods = ["GetUsers", "ListOnlineUsers", "ListChannelMembers", "CountChannels", "GetStats"];

  it("wants an API key for every call", async () => {
    for (const key of [null, "wrong"]) {
      const stranger = new PresenceClient(running.port, key);
      for (const method of methods) await expect(stranger.call(method)).rejects.toMatchObject({ code: UNAUTHENTICATED, reason: "API_KEY_REFUSED" });
      for (const method of ["WatchPresence", "WatchStats"]) {
        const watch = stranger.watch(method);
        await eventually(() => watch.failure);
        expect(watch.failure).toMatchObject({ code: UNAUTHENTICATED, reason: "API_KEY_REFUSED" });
      }
      stranger.close();
    }
  });

  it("answers in the order of the request, with what it promises of each user", async () => {
    const { users } = await client.call<{ users: object[] }>("GetUsers", { user_ids: ["nobody", "bob", "ann", "bob"] });
    const since = { seconds: 1_700_000_000, nanos: 123_000_000 };
    expect(users).toMatchObject([
      { user_id: "nobody", online: false, sessions: 0, online_since: null, last_seen: null },
      { user_id: "bob", online: true, sessions: 1, online_since: since },
      { user_id: "ann", online: true, sessions: 1, online_since: since },
      { user_id: "bob", online: true, sessions: 1, online_since: since },
    ]);
  });

  it("says of when each answer is", async () => {
    const requests: Record<string, object> = { GetUsers: { user_ids: ["ann"] }, ListChannelMembers: { channel: "chat.x" }, CountChannels: { channels: ["news"] } };
    for (const method of methods) {
      const { as_of: asOf } = await client.call<{ as_of: { seconds: number } }>(method, requests[method] ?? {});
      expect(Math.abs(asOf.seconds - Date.now() / 1_000)).toBeLessThan(5);
    }
  });

  it("lists every violation at once", async () => {
    const wrong: [string, object, string[]][] = [
      ["GetUsers", {}, ["user_ids: must not be empty"]],
      ["GetUsers", { user_ids: ["ann", "", "x".repeat(129)] }, ["user_ids[1]: must not be empty", "user_ids[2]: is 129 bytes, at most 128 are allowed"]],
      ["GetUsers", { user_ids: Array(1_001).fill("ann") }, ["user_ids: are 1001, at most 1000 are allowed"]],
      ["ListOnlineUsers", { page_size: 1_001, page_token: "?" }, ["page_size: is 1001, at most 1000 are allowed", "page_token: is no next_page_token of this server"]],
      [
        "ListChannelMembers",
        { channel: "chat..x", page_size: 1_001 },
        ["channel: must not hold empty tokens (a dot at an end, or two in a row)", "page_size: is 1001, at most 1000 are allowed"],
      ],
      ["CountChannels", {}, ["channels: must not be empty"]],
      ["CountChannels", { channels: ["chat x", "news"] }, ["channels[0]: must not hold spaces, control characters, '*' or '>'"]],
    ];
    for (const [method, request, violations] of wrong) {
      await expect(client.call(method, request)).rejects.toMatchObject({ code: INVALID, reason: "INVALID_REQUEST", violations });
    }
    const watches: [string, object, string][] = [
      ["WatchPresence", { user_ids: ["ann", ""], channel: "chat.x" }, "user_ids[1]: must not be empty|channel: can't be combined with user_ids: watch one of them"],
      ["WatchStats", { interval_ms: 100 }, "interval_ms: is 100, 200 to 60000 are allowed"],
    ];
    for (const [method, request, violations] of watches) {
      const watch = client.watch(method, request);
      await eventually(() => watch.failure);
      expect(watch.failure).toMatchObject({ code: INVALID, violations: violations.split("|") });
    }
  });

  it("refuses namespaces that are unknown, and member lists where presence is off", async () => {
    await expect(client.call("ListChannelMembers", { channel: "other.x" })).rejects.toMatchObject({ code: DENIED, reason: "UNKNOWN_NAMESPACE" });
    await expect(client.call("ListChannelMembers", { channel: "news" })).rejects.toMatchObject({ code: PRECONDITION, reason: "PRESENCE_OFF" });
    await expect(client.call("CountChannels", { channels: ["news", "other.x"] })).rejects.toMatchObject({ code: DENIED, reason: "UNKNOWN_NAMESPACE" });
    const watch = client.watch("WatchPresence", { channel: "news" });
    await eventually(() => watch.failure);
    expect(watch.failure).toMatchObject({ code: PRECONDITION, reason: "PRESENCE_OFF" });
  });

  it("sends the statistics at the interval asked for", async () => {
    const watch = client.watch<{ stats: { sessions_by_transport: object; connectors: { started_at: object; heard_at: object }[] } }>("WatchStats", { interval_ms: 200 });
    const startedAt = Date.now();
    await eventually(() => watch.heard.length >= 4);
    expect(Date.now() - startedAt).toBeGreaterThan(500);
    expect(watch.heard[0]?.stats).toMatchObject({ online_users: 2, sessions: 2, sessions_by_transport: { websocket: 0, poll: 2 }, connectors: [{ connector: "a", sessions: 2 }] });
    expect(watch.heard[0]?.stats.connectors[0]?.heard_at).toBeTruthy();
  });

  it("ends watch streams when it drains, so that watchers go elsewhere", async () => {
    const other = await startTestPresence(nats.url);
    await other.ready;
    const watcher = new PresenceClient(other.port);
    const watch = watcher.watch("WatchPresence");
    await eventually(() => watch.heard.length === 3);
    await other.stop();
    await eventually(() => watch.failure);
    expect(watch.failure).toMatchObject({ code: 14, reason: "NOT_READY" });
    watcher.close();
  });
});
