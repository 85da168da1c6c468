import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type Installation, signToken, startInstallation } from "../helpers/installation.js";
import { readMetric } from "../helpers/metrics.js";
import { PollClient, post } from "../helpers/pollClient.js";
import { WsClient } from "../helpers/wsClient.js";

describe("a long-poll client", () => {
  let installation: Installation;
  let nats: NatsConnection;
  let ports: number[];

  beforeAll(async () => {
    installation = await startInstallation({ connectors: 3 });
    ports = installation.connectors.map(({ port }) => port);
    nats = await connect({ servers: installation.nats.url });
  });

  afterAll(async () => {
    await nats.close();
    await installation.stop();
  });

  const publishNumbers = async (channel: string, from: number, to: number): Promise<void> => {
    for (let n = from; n <= to; n++) nats.publish(`halley.pub.${channel}`, JSON.stringify({ n }));
    await nats.flush();
  };
  const numbers = (client: PollClient, channel: string): number[] => client.publications(channel).map(({ data }) => (data as { n: number }).n);
  const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

  it("is told its session and its own channels at once", async () => {
    const client = new PollClient("42");
    const answer = await client.poll(ports[0]!, [], 20_000);
    expect(answer.session).toHaveLength(43);
    expect(Object.keys(answer.positions).sort()).toEqual(["all", "user.42"]);
  });

  it("gets everything in order when each poll goes to another connector", async () => {
    const client = new PollClient("1");
    await client.poll(ports[0]!, [{ id: 1, subscribe: { channel: "chat.round" } }]);
    expect(client.frames[0]).toMatchObject({ id: 1, subscribed: { channel: "chat.round", recovered: true } });
    let published = 0;
    for (let round = 0; round < 12; round++) {
      const waiting = client.poll(ports[round % 3]!, [], 500);
      await publishNumbers("chat.round", published + 1, published + 7);
      published += 7;
      await waiting;
    }
    while (numbers(client, "chat.round").length < published) await client.poll(ports[published % 3]!);
    expect(numbers(client, "chat.round")).toEqual(upTo(published));
  });

  it("gets the same again when an answer is lost and the request repeated, anywhere", async () => {
    const client = new PollClient("2");
    await client.poll(ports[0]!, [{ id: 1, subscribe: { channel: "chat.lost" } }]);
    await publishNumbers("chat.lost", 1, 20);
    const request = JSON.stringify(await client.request());
    const lost = await post(ports[0]!, request);
    const again = await post(ports[1]!, request);
    expect((lost.body["frames"] as unknown[]).length).toBeGreaterThan(0);
    expect(again.body["frames"]).toEqual(lost.body["frames"]);
    client.take(again.body as never);
    while (numbers(client, "chat.lost").length < 20) await client.poll(ports[2]!);
    expect(numbers(client, "chat.lost")).toEqual(upTo(20));
  });

  it("takes over from a WebSocket where that stood, and gives back to one", async () => {
    const { client: socket, connected } = await WsClient.connect(ports[0]!, "3");
    const { position } = await socket.subscribe("chat.mixed");
    const client = new PollClient("3");
    client.session = connected.session;
    client.positions = { "chat.mixed": position };
    await publishNumbers("chat.mixed", 1, 5);
    await client.poll(ports[1]!);
    expect((await socket.closed()).code).toBe(3500);
    while (numbers(client, "chat.mixed").length < 5) await client.poll(ports[1]!);
    await publishNumbers("chat.mixed", 6, 10);
    const { client: back } = await WsClient.connect(ports[2]!, "3", { session: client.session });
    const subscribed = await back.subscribe("chat.mixed", client.positions["chat.mixed"] as never);
    expect(subscribed.recovered).toBe(true);
    expect(subscribed.publications.map(({ data }) => (data as { n: number }).n)).toEqual([6, 7, 8, 9, 10]);
    back.cut();
  });

  it("answers an older waiting poll of the session with an empty answer, wherever it waits", async () => {
    const client = new PollClient("4");
    await client.poll(ports[0]!);
    const waiting = client.poll(ports[0]!, [], 20_000);
    await eventually(async () => (await readMetric(installation.connectors[0]!.opsPort, "halley_connector_polls")) === 1);
    const { positions, session } = client;
    const other = await post(ports[1]!, JSON.stringify({ session, token: await signToken("4"), seq: 99, positions, waitMs: 1 }));
    expect(other.status).toBe(200);
    expect(await waiting).toEqual({ session, frames: [], positions });
  });

  it("publishes with a key, once, however often the request is repeated", async () => {
    const client = new PollClient("5");
    await client.poll(ports[0]!, [{ id: 1, subscribe: { channel: "chat.keyed" } }]);
    const request = JSON.stringify(await client.request([{ id: 2, publish: { channel: "chat.keyed", data: { n: 1 }, key: "k" } }]));
    const first = await post(ports[0]!, request);
    const second = await post(ports[1]!, request);
    const published = (body: Record<string, unknown>): unknown => (body["frames"] as Record<string, unknown>[]).find((frame) => frame["id"] === 2)?.["published"];
    expect(published(first.body)).toMatchObject({ duplicate: false });
    expect(published(second.body)).toMatchObject({ duplicate: true, position: (published(first.body) as { position: unknown }).position });
    const { body } = await post(ports[0]!, JSON.stringify(await client.request([{ id: 3, publish: { channel: "chat.keyed", data: 1 } }])));
    expect((body["frames"] as unknown[])[0]).toMatchObject({ id: 3, error: { code: "INVALID_ARGUMENT", violations: [{ field: "publish.key" }] } });
  });

  it("is told what was refused, and of a history that can't be proven", async () => {
    const client = new PollClient("6");
    client.positions = { "closed.x": { offset: 1, epoch: "e" }, "nothing.x": {}, "chat.reset": { offset: 1, epoch: "another" } };
    const { frames, positions } = await client.poll(ports[0]!);
    expect(frames).toContainEqual({ unsubscribed: { channel: "closed.x", reason: "SUBSCRIBE_DENIED" } });
    expect(frames).toContainEqual({ unsubscribed: { channel: "nothing.x", reason: "UNKNOWN_NAMESPACE" } });
    expect(frames).toContainEqual({ reset: { channel: "chat.reset", position: positions["chat.reset"], reason: "HISTORY_CHANGED" } });
    expect(Object.keys(positions).sort()).toEqual(["all", "chat.reset", "user.6"]);
  });

  it("has a channel no more that its subscribe is refused, also where its position was sent; a frame with an error in it changes nothing", async () => {
    const client = new PollClient("8");
    await client.poll(ports[0]!, [{ id: 1, subscribe: { channel: "chat.kept" } }]);
    await publishNumbers("chat.kept", 1, 3);
    client.positions = { ...client.positions, "closed.y": { offset: 1, epoch: "e" } };
    const { frames, positions } = await client.poll(ports[1]!, [{ id: 2, subscribe: { channel: "closed.y" } }, { id: 3, subscribe: { channel: "chat.kept", position: { offset: -1 } } }]);
    expect(frames).toContainEqual({ id: 2, error: expect.objectContaining({ code: "PERMISSION_DENIED" }) as object });
    expect(frames).toContainEqual({ id: 3, error: expect.objectContaining({ code: "INVALID_ARGUMENT" }) as object });
    expect(Object.keys(positions).sort()).toEqual(["all", "chat.kept", "user.8"]);
  });

  it("is refused with a status and a reason", async () => {
    const token = await signToken("7");
    const cases: [string, number, string][] = [
      ["{", 400, "MALFORMED_FRAME"],
      ["[]", 400, "INVALID_REQUEST"],
      [JSON.stringify({ token, what: 1 }), 400, "INVALID_REQUEST"],
      [JSON.stringify({ token: "x" }), 401, "TOKEN_REFUSED"],
      [JSON.stringify({ token: await signToken("7", "-1m") }), 401, "TOKEN_EXPIRED"],
      [JSON.stringify({ token: await signToken("7", "1h", "another secret, which is long enough as well") }), 401, "TOKEN_REFUSED"],
      [JSON.stringify({ token, positions: "x".repeat(600_000) }), 413, "TOO_LARGE"],
    ];
    for (const [body, status, reason] of cases) {
      const answer = await post(ports[0]!, body);
      expect([answer.status, (answer.body["error"] as { reason: string }).reason], body.slice(0, 60)).toEqual([status, reason]);
    }
    const foreign = await post(ports[0]!, JSON.stringify({ token }), { origin: "https://elsewhere.example" });
    expect([foreign.status, foreign.headers.get("access-control-allow-origin")]).toEqual([403, null]);
    const own = await post(ports[0]!, JSON.stringify({ token, waitMs: 1 }), { origin: "http://localhost:3000" });
    expect([own.status, own.headers.get("access-control-allow-origin"), own.headers.get("cache-control")]).toEqual([200, "http://localhost:3000", "no-store"]);
  });
});
