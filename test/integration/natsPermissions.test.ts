import { readFileSync } from "node:fs";
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Log, silentLog } from "../../lib/log.js";
import { eventually } from "../helpers/eventually.js";
import { type Services, startServices, TEST_API_KEY } from "../helpers/installation.js";
import { NATS_PROGRAMS } from "../helpers/natsPrograms.js";
import { type NatsServer, startNatsServer } from "../helpers/natsServer.js";
import { PresenceClient } from "../helpers/presenceService.js";
import { WsClient } from "../helpers/wsClient.js";

const USERS = ["publish", "connector", "presence", "backend", "system"];
const PASSWORDS = USERS.map((user) => `NATS_${user.toUpperCase()}_PASSWORD: "password-of-${user}"`).join("\n");
const USERS_CONF = readFileSync(new URL("../../infra/nats/users.conf", import.meta.url), "utf8");

describe.each(NATS_PROGRAMS)("permissions on nats-server $version", ({ program }) => {
  let nats: NatsServer;
  let services: Services;
  let backend: NatsConnection;
  const refusals: object[] = [];
  const log: Log = { ...silentLog, warn: (fields) => { refusals.push(fields); }, error: (fields) => { refusals.push(fields); }, child: () => log };

  beforeAll(async () => {
    nats = await startNatsServer(`${PASSWORDS}\n${USERS_CONF}`, program);
    services = await startServices([nats.url], { connectors: 2, presence: true, log, natsUser: (service) => `${service}:password-of-${service}` });
    backend = await connect({ servers: nats.url, user: "backend", pass: "password-of-backend" });
  });
  afterAll(async () => {
    await backend.close();
    await services.stop();
    await nats.remove();
  });

  it("let each service do all of its part", async () => {
    const [first, second] = services.connectors;
    const { client: ann } = await WsClient.connect(first?.port ?? 0, "ann");
    const { position } = await ann.subscribe("chat.room");
    await ann.subscribe("live.cursor");
    const { client: bob } = await WsClient.connect(second?.port ?? 0, "bob");
    await bob.subscribe("chat.room");
    // Published by a browser, and straight onto NATS, with and without history.
    await bob.ask({ publish: { channel: "chat.room", data: { by: "bob" }, key: "k1" } });
    await backend.jetstream().publish("halley.pub.chat.room", Buffer.from('{"by":"backend"}'));
    backend.publish("halley.pub.live.cursor", Buffer.from('{"by":"backend"}'));
    await eventually(() => ann.publications("chat.room").length === 2 && ann.publications("live.cursor").length === 1);
    // A dead letter.
    await backend.jetstream().publish("halley.pub.chat.room", Buffer.from("no JSON"));
    // A history is read.
    const { client: cid } = await WsClient.connect(second?.port ?? 0, "cid");
    expect(await cid.subscribe("chat.room", { ...position })).toMatchObject({ recovered: true, publications: [{ data: { by: "bob" } }, { data: { by: "backend" } }] });
    // A longer one, for which an older server needs consumers.
    for (let more = 0; more < 400; more++) backend.publish("halley.pub.chat.long", Buffer.from(`{"n":${String(more)}}`));
    await backend.jetstream().publish("halley.pub.chat.long", Buffer.from('{"n":400}'));
    const { client: dan } = await WsClient.connect(first?.port ?? 0, "dan");
    const { publications } = await dan.subscribe("chat.long", { offset: 0, epoch: position.epoch });
    await eventually(() => publications.length + dan.publications("chat.long").length === 401);
    // Presence is asked from a browser and by a backend.
    await eventually(async () => ((await ann.ask({ members: { channel: "chat.room" } }))["members"] as { sessions: number }).sessions === 3);
    const presence = new PresenceClient(services.presence?.port ?? 0, TEST_API_KEY);
    try {
      await eventually(async () => (await presence.call<{ users: { online: boolean }[] }>("GetUsers", { user_ids: ["ann"] })).users[0]?.online === true);
      cid.socket.close(1000);
      await eventually(async () => (await presence.call<{ users: { last_seen: object | null }[] }>("GetUsers", { user_ids: ["cid"] })).users[0]?.last_seen !== null);
    } finally {
      presence.close();
    }
    // Ticks come every 3 s, statistics every second.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(refusals.filter((fields) => JSON.stringify(fields).includes("PERMISSIONS_VIOLATION"))).toEqual([]);
    for (const one of [ann, bob, dan]) one.socket.close(1000);
  }, 30_000);

  it.each([
    ["another service's subject", "halley.presence.heartbeat.x"], ["what connectors hear from JetStream", "halley.out.chat.room"], ["the ticks", "halley.pub.chat.$tick"],
    ["the statistics", "halley.pub.sys.stats"], ["the management of streams", "$JS.API.STREAM.DELETE.HALLEY_chat"], ["a session's end", "halley.session.x"],
  ])("refuse a backend %s", async (what, subject) => {
    const status = backend.status()[Symbol.asyncIterator]();
    const refused = status.next();
    backend.publish(subject, Buffer.from("{}"));
    expect(await refused, what).toMatchObject({ value: { type: "error", data: "PERMISSIONS_VIOLATION", permissionContext: { operation: "publish", subject } } });
  });

  it.each(["halley.out.>", "halley.presence.>", "_INBOX.halley-connector.>", "$JS.>"])("refuse a backend to listen to %s", async (subject) => {
    const error = await new Promise((resolve) => { backend.subscribe(subject, { callback: (failure) => { resolve(failure); } }); });
    expect(error).toMatchObject({ code: "PERMISSIONS_VIOLATION" });
  });

  it("refuse whoever is nobody", async () => {
    await expect(connect({ servers: nats.url })).rejects.toMatchObject({ code: "AUTHORIZATION_VIOLATION" });
  });
});
