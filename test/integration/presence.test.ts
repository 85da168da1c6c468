import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ListChannelMembersRequest, ListChannelMembersResponse } from "../../gen/halley/v1/presence.js";
import { Heartbeat } from "../../gen/halley/v1/heartbeat.js";
import { Bus } from "../../lib/bus/bus.js";
import { ensureLastSeenBucket } from "../../lib/bus/lastSeenBucket.js";
import { subjects } from "../../lib/bus/subjects.js";
import { silentLog } from "../../lib/log.js";
import type { RunningPresence } from "../../services/presence/start.js";
import { eventually } from "../helpers/eventually.js";
import type { CallFailure } from "../helpers/publishService.js";
import { type NatsServer, startNatsServer } from "../helpers/natsServer.js";
import { LEASE_MS, PresenceClient, startTestConnector, startTestPresence, type TestConnector } from "../helpers/presenceService.js";

interface User {
  readonly user_id: string;
  readonly online: boolean;
  readonly sessions: number;
  readonly online_since: object | null;
  readonly last_seen: { readonly seconds: number } | null;
}
/** What a call failed with; undefined when it did not. */
async function failure(call: Promise<object>): Promise<CallFailure | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return error as CallFailure;
  }
}

interface Change {
  readonly event: "current" | "synced" | "joined" | "left";
  readonly current?: User;
  readonly joined?: User;
  readonly left?: User;
}
type Users = { readonly users: User[]; readonly next_page_token: string; readonly total: number; readonly as_of: { readonly seconds: number } };

describe("presence", () => {
  let nats: NatsServer;
  let bus: Bus;
  const replicas: RunningPresence[] = [];
  const clients: PresenceClient[] = [];
  const connectors: TestConnector[] = [];

  beforeAll(async () => {
    nats = await startNatsServer();
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
    await ensureLastSeenBucket(bus, 1);
    await Promise.all([replica(), replica()]);
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    for (const one of replicas) await one.stop();
    await bus.close();
    await nats.remove();
  });
  afterEach(async () => {
    for (const one of connectors.splice(0)) await one.kill();
    await eventually(async () => (await first().call<{ connectors: object[] }>("GetStats")).connectors.length === 0);
    await eventually(async () => (await second().call<Users>("ListOnlineUsers")).total === 0);
  });

  async function replica(): Promise<PresenceClient> {
    const running = await startTestPresence(nats.url);
    replicas.push(running);
    await running.ready;
    const client = new PresenceClient(running.port);
    clients.push(client);
    return client;
  }
  async function connector(name: string): Promise<TestConnector> {
    const started = await startTestConnector(nats.url, name);
    connectors.push(started);
    return started;
  }
  const first = (): PresenceClient => clients[0]!;
  const second = (): PresenceClient => clients[1]!;
  const open = ({ reporter }: TestConnector, user: string, id: Uint8Array = randomBytes(16)): Uint8Array => {
    reporter.sessionOpened({ id, user, transport: "websocket", sinceMs: Date.now() });
    return id;
  };
  const get = async (client: PresenceClient, ...ids: string[]): Promise<User[]> => (await client.call<Users>("GetUsers", { user_ids: ids })).users;
  const online = async (client: PresenceClient): Promise<string[]> =>
    (await client.call<Users>("ListOnlineUsers", { page_size: 1_000 })).users.map(({ user_id: id }) => id);
  const told = ({ heard }: { heard: Change[] }): string[] => heard.map((one) => `${one.event} ${one.current?.user_id ?? one.joined?.user_id ?? one.left?.user_id ?? ""}`.trim());

  it("says who is online, on every replica alike, whatever their ids are", async () => {
    const [a, b] = [await connector("a"), await connector("b")];
    const ids = ["ann", "a.b c", "auth0|7", "\u{1F600}", "\uFF5E", "bob@example.org"];
    for (const id of ids) open(a, id);
    const tab = open(b, "ann");
    b.reporter.joined(tab, "chat.lobby");
    for (const one of [a, b]) one.reporter.subscriberCount("news", 2);
    for (const client of [first(), second()]) {
      await eventually(async () => (await get(client, "ann"))[0]?.sessions === 2);
      await eventually(async () => (await online(client)).length === ids.length);
    }
    const everything = async (client: PresenceClient): Promise<object[]> => {
      const answers = [
        await client.call("GetUsers", { user_ids: ids }),
        await client.call("ListOnlineUsers"),
        await client.call("ListChannelMembers", { channel: "chat.lobby" }),
        await client.call("CountChannels", { channels: ["news", "chat.lobby", "all", "user.ann"] }),
      ];
      // What belongs to the moment of asking.
      return JSON.parse(JSON.stringify(answers, (key, value: unknown) => (key === "as_of" || key === "last_seen" ? undefined : value))) as object[];
    };
    expect(await everything(first())).toEqual(await everything(second()));
    expect(await online(first())).toEqual(["a.b c", "ann", "auth0|7", "bob@example.org", "\uFF5E", "\u{1F600}"]);
    expect(await first().call("CountChannels", { channels: ["news", "all", "user.ann"] })).toMatchObject({ channels: [{ sessions: 4 }, { sessions: 7 }, { sessions: 2 }] });
    expect(await first().call("GetStats")).toMatchObject({
      online_users: 6,
      sessions: 7,
      sessions_by_transport: { websocket: 7, poll: 0 },
      channels: 1,
      connectors: [{ connector: "a", sessions: 6, channels: 1 }, { connector: "b", sessions: 1 }],
    });
  });

  it("pages through users, each exactly once", async () => {
    const a = await connector("a");
    const users = Array.from({ length: 250 }, (_, n) => `user ${String(n)}`);
    for (const user of users) open(a, user);
    await eventually(async () => (await first().call<Users>("ListOnlineUsers")).total === 250);
    const listed: string[] = [];
    let token = "";
    do {
      // Each page from another replica.
      const page: Users = await (listed.length % 2 === 0 ? first() : second()).call<Users>("ListOnlineUsers", { page_size: 33, page_token: token });
      listed.push(...page.users.map(({ user_id: id }) => id));
      token = page.next_page_token;
    } while (token !== "");
    expect(listed).toEqual([...users].sort());
  });

  it("lets a replica that starts later catch up", async () => {
    const a = await connector("a");
    const id = open(a, "early");
    a.reporter.joined(id, "chat.x");
    await eventually(async () => (await online(first())).includes("early"));
    const late = await replica();
    expect(await online(late)).toEqual(["early"]);
    expect(await late.call("ListChannelMembers", { channel: "chat.x" })).toMatchObject({ members: [{ user_id: "early", sessions: 1 }], total: 1, sessions: 1 });
    await replicas.pop()?.stop();
    clients.pop()?.close();
  });

  it("is not ready before it has listened for a round", async () => {
    const running = await startTestPresence(nats.url);
    const client = new PresenceClient(running.port);
    await expect(client.call("GetStats")).rejects.toMatchObject({ code: 14, reason: "NOT_READY" });
    expect((await fetch(`http://127.0.0.1:${String(running.opsPort)}/readyz`)).status).toBe(503);
    await running.ready;
    await client.call("GetStats");
    expect((await fetch(`http://127.0.0.1:${String(running.opsPort)}/readyz`)).status).toBe(200);
    client.close();
    await running.stop();
  });

  it("heals a lost heartbeat by a snapshot", async () => {
    const a = await connector("a");
    open(a, "ann");
    let last: Heartbeat | undefined;
    bus.subscribe(subjects.heartbeat("a"), ({ data }) => { last = Heartbeat.decode(data); });
    await eventually(async () => last !== undefined && (await online(first())).length === 1);
    // A heartbeat of that process with a number far ahead: everything up to it counts as lost.
    const ahead = { ...last!, number: last!.number + 3, changes: [], counts: [] };
    bus.publish(subjects.heartbeat("a"), Heartbeat.encode(ahead).finish());
    open(a, "bob");
    await eventually(async () => (await online(first())).length === 2 && (await online(second())).length === 2);
  });

  it("takes a killed connector's users offline after its lease", async () => {
    const [a, b] = [await connector("a"), await connector("b")];
    open(a, "ann");
    open(b, "bob");
    await eventually(async () => (await online(first())).length === 2);
    const watch = first().watch<Change>("WatchPresence");
    await eventually(() => told(watch).includes("synced"));
    await a.kill();
    const killedAt = Date.now();
    await eventually(() => told(watch).includes("left ann"));
    expect(Date.now() - killedAt).toBeGreaterThan(LEASE_MS - 500);
    expect(Date.now() - killedAt).toBeLessThan(LEASE_MS + 1_000);
    expect(told(watch)).toEqual(["current ann", "current bob", "synced", "left ann"]);
  });

  it("never shows a session that moved as gone, though its first connector died", async () => {
    const [a, b] = [await connector("a"), await connector("b")];
    const id = open(a, "ann");
    a.reporter.joined(id, "chat.x");
    await eventually(async () => (await online(first())).length === 1 && (await online(second())).length === 1);
    const watches = [first(), second()].flatMap((client) => [client.watch<Change>("WatchPresence"), client.watch<Change>("WatchPresence", { channel: "chat.x" })]);
    await eventually(() => watches.every((watch) => told(watch).includes("synced")));
    await a.kill();
    open(b, "ann", id);
    b.reporter.joined(id, "chat.x");
    await eventually(async () => {
      const { connectors: known } = await first().call<{ connectors: { connector: string }[] }>("GetStats");
      return known.map(({ connector: name }) => name).join() === "b";
    });
    open(b, "end");
    await eventually(() => told(watches[0]!).includes("joined end") && told(watches[2]!).includes("joined end"));
    for (const watch of watches) expect(told(watch).filter((one) => one.endsWith("ann"))).toEqual(["current ann"]);
  });

  it("tells watchers of chosen users and of a channel what concerns them", async () => {
    const a = await connector("a");
    const [ann, bob] = [open(a, "ann"), open(a, "bob")];
    await eventually(async () => (await online(first())).length === 2);
    const users = first().watch<Change>("WatchPresence", { user_ids: ["bob", "cid"] });
    const channel = first().watch<Change>("WatchPresence", { channel: "chat.x" });
    await eventually(() => told(users).includes("synced") && told(channel).includes("synced"));
    a.reporter.joined(ann, "chat.x");
    a.reporter.sessionClosed(bob, 0);
    open(a, "cid");
    open(a, "dan");
    await eventually(() => told(users).length === 4 && told(channel).length === 2);
    a.reporter.left(ann, "chat.x");
    await eventually(() => told(channel).length === 3);
    // A goodbye counts a moment later than a coming.
    expect(told(users)).toEqual(["current bob", "synced", "joined cid", "left bob"]);
    expect(told(channel)).toEqual(["synced", "joined ann", "left ann"]);
    expect(users.heard[3]?.left).toMatchObject({ online: false, sessions: 0 });
    expect(channel.heard[2]?.left).toMatchObject({ online: true, sessions: 1 });
  });

  it("remembers when users were last seen, also across a restart of NATS", async () => {
    const a = await connector("a");
    const ids = Array.from({ length: 500 }, (_, n) => `seen @ ${String(n)}`);
    const sessions = ids.map((id) => open(a, id));
    await eventually(async () => (await online(second())).length === 500);
    expect((await get(first(), ids[0]!))[0]?.last_seen?.seconds).toBeGreaterThan(Date.now() / 1_000 - 5);
    const written = async (): Promise<number> => (await bus.connection.jetstreamManager()).streams.info("KV_HALLEY_LAST_SEEN").then(({ state }) => state.messages);
    const writtenBefore = await written();
    for (const id of sessions) a.reporter.sessionClosed(id, 0);
    await eventually(async () => (await online(second())).length === 0);
    const seen = await get(second(), ...ids, "never seen");
    expect(seen.slice(0, 500).every((user) => !user.online && (user.last_seen?.seconds ?? 0) > Date.now() / 1_000 - 10)).toBe(true);
    expect(seen.at(-1)).toMatchObject({ online: false, last_seen: null, online_since: null });
    await eventually(async () => (await written()) >= writtenBefore + 500);
    await nats.stop();
    await eventually(async () => (await failure(first().call("GetStats")))?.reason === "NOT_READY");
    await nats.start();
    const again = await replica();
    expect((await get(again, ...ids)).map(({ last_seen: at }) => at?.seconds)).toEqual(seen.slice(0, 500).map(({ last_seen: at }) => at?.seconds));
    await eventually(() => first().call("GetStats"));
    await eventually(() => second().call("GetStats"));
    await replicas.pop()?.stop();
    clients.pop()?.close();
  });

  it("keeps everybody online while NATS is away", async () => {
    const a = await connector("a");
    open(a, "ann");
    await eventually(async () => (await online(first())).length === 1);
    const watch = first().watch<Change>("WatchPresence");
    await eventually(() => told(watch).includes("synced"));
    await nats.stop();
    await eventually(() => !bus.connected);
    open(a, "bob");
    // Longer than a lease.
    await new Promise((resolve) => setTimeout(resolve, LEASE_MS * 1.5));
    await nats.start();
    await eventually(() => told(watch).includes("joined bob"));
    await eventually(async () => (await online(first())).length === 2);
    expect(told(watch)).toEqual(["current ann", "synced", "joined bob"]);
  });

  it("answers connectors about members over NATS", async () => {
    const a = await connector("a");
    for (const user of ["zoe", "ann", "bob"]) a.reporter.joined(open(a, user), "chat.x");
    const ask = async (request: { channel: string; pageSize: number; pageToken: string }): Promise<ListChannelMembersResponse> =>
      ListChannelMembersResponse.decode((await a.bus.request(subjects.members, ListChannelMembersRequest.encode(request).finish(), 2_000)).data);
    await eventually(async () => (await ask({ channel: "chat.x", pageSize: 0, pageToken: "" })).total === 3);
    const page = await ask({ channel: "chat.x", pageSize: 2, pageToken: "" });
    expect(page.members).toEqual([{ userId: "ann", sessions: 1 }, { userId: "bob", sessions: 1 }]);
    expect((await ask({ channel: "chat.x", pageSize: 2, pageToken: page.nextPageToken })).members).toEqual([{ userId: "zoe", sessions: 1 }]);
    expect(await ask({ channel: "news", pageSize: 0, pageToken: "" })).toMatchObject({ members: [], total: 0 });
  });

  it("publishes the statistics once a second, from one replica", async () => {
    const a = await connector("a");
    open(a, "ann");
    const heard: { at: number; json: Record<string, unknown> }[] = [];
    bus.subscribe(subjects.publish("sys.stats"), ({ data, headers }) => {
      expect(Date.parse(headers?.last("Halley-Time") ?? "")).toBeGreaterThan(0);
      heard.push({ at: Date.now(), json: JSON.parse(Buffer.from(data).toString()) as Record<string, unknown> });
    });
    await eventually(() => heard.length >= 4);
    expect(heard.at(-1)!.at - heard[0]!.at).toBeGreaterThan((heard.length - 1) * 800);
    expect(heard.at(-1)!.json).toMatchObject({ onlineUsers: 1, sessions: 1, sessionsByTransport: { websocket: 1, poll: 0 }, channels: 0, publicationsPerSecond: 0, connectors: [{ connector: "a", sessions: 1 }] });
    expect(Object.keys(heard[0]!.json)).toContain("deliveriesPerSecond");
    expect(Date.parse(heard[0]!.json["asOf"] as string)).toBeGreaterThan(Date.now() - 60_000);
  });
});
