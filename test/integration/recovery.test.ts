import { createConnection, type Socket } from "node:net";
import { connect, headers, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type Installation, startInstallation } from "../helpers/installation.js";
import { type ReceivedPublication, type TestSubscribed, WsClient } from "../helpers/wsClient.js";

describe("recovery", () => {
  let installation: Installation;
  let nats: NatsConnection;
  let port: number;
  let client: WsClient;

  beforeAll(async () => {
    installation = await startInstallation({ connectors: 2 });
    port = installation.connectors[0]!.port;
    nats = await connect({ servers: installation.nats.url });
    ({ client } = await WsClient.connect(port, "1"));
  });

  afterAll(async () => {
    client.cut();
    await nats.close();
    await installation.stop();
  });

  const js = (): ReturnType<NatsConnection["jetstream"]> => nats.jetstream();
  const publish = async (channel: string, count: number, from = 1): Promise<void> => {
    for (let n = from; n < from + count; n++) await js().publish(`halley.pub.${channel}`, JSON.stringify({ n }));
  };
  const numbers = (publications: readonly ReceivedPublication[]): number[] => publications.map(({ data }) => (data as { n: number }).n);
  const upTo = (last: number, from = 1): number[] => Array.from({ length: last - from + 1 }, (_, index) => index + from);
  const resubscribe = async (channel: string, position: TestSubscribed["position"]): Promise<TestSubscribed> => {
    await client.ask({ unsubscribe: { channel } });
    return client.subscribe(channel, position);
  };

  it("proves a channel that never had a message, on a connector that never saw it", async () => {
    const { position } = await client.subscribe("chat.never");
    const { client: other } = await WsClient.connect(installation.connectors[1]!.port, "1");
    expect(await other.subscribe("chat.never", position)).toMatchObject({ recovered: true, publications: [] });
    other.cut();
  });

  it("proves a channel whose only message came while the client was away", async () => {
    const { position } = await client.subscribe("chat.first");
    await client.ask({ unsubscribe: { channel: "chat.first" } });
    await publish("chat.first", 1);
    const { client: other } = await WsClient.connect(installation.connectors[1]!.port, "1");
    const subscribed = await other.subscribe("chat.first", position);
    expect(subscribed.recovered).toBe(true);
    expect(numbers(subscribed.publications)).toEqual([1]);
    other.cut();
  });

  it("proves everything since the channel began, from offset 0, while nothing was removed", async () => {
    await publish("chat.begun", 3);
    const { position } = await client.subscribe("chat.begun");
    const everything = await resubscribe("chat.begun", { ...position, offset: 0 });
    expect([everything.recovered, numbers(everything.publications)]).toEqual([true, [1, 2, 3]]);
    await publish("short.begun", 6);
    const removed = await client.subscribe("short.begun", { ...(await client.subscribe("short.begun")).position, offset: 0 });
    expect([removed.recovered, removed.publications]).toEqual([false, []]);
  });

  it("does not prove a position older than the channel's limit, nor one of another history, nor one of the future", async () => {
    const { position } = await client.subscribe("short.old");
    await client.ask({ unsubscribe: { channel: "short.old" } });
    await publish("short.old", 6);
    const { client: other } = await WsClient.connect(installation.connectors[1]!.port, "1");
    const old = await other.subscribe("short.old", position);
    expect(old).toMatchObject({ recovered: false, publications: [] });
    expect(old.position.offset).toBeGreaterThan(position.offset);
    expect(await resubscribe("short.old", { offset: position.offset, epoch: "another" })).toMatchObject({ recovered: false });
    expect(await resubscribe("short.old", { offset: position.offset + 1_000_000, epoch: position.epoch })).toMatchObject({ recovered: false });
    other.cut();
  });

  it("proves a position exactly at the channel's limit", async () => {
    await publish("short.edge", 3);
    const { client: other } = await WsClient.connect(installation.connectors[1]!.port, "1");
    const { position } = await other.subscribe("short.edge");
    await other.ask({ unsubscribe: { channel: "short.edge" } });
    await publish("short.edge", 4, 4);
    const subscribed = await client.subscribe("short.edge", position);
    expect(subscribed.recovered).toBe(true);
    expect(numbers(subscribed.publications)).toEqual([4, 5, 6, 7]);
    other.cut();
  });

  it("recovers more than one answer holds, in order, while more comes", async () => {
    const { position } = await client.subscribe("chat.long");
    await client.ask({ unsubscribe: { channel: "chat.long" } });
    for (let n = 1; n <= 5_000; n++) nats.publish("halley.pub.chat.long", JSON.stringify({ n, filler: "x".repeat(100) }));
    await nats.flush();
    const { client: other } = await WsClient.connect(installation.connectors[1]!.port, "1");
    const subscribing = other.subscribe("chat.long", position);
    for (let n = 5_001; n <= 6_000; n++) nats.publish("halley.pub.chat.long", JSON.stringify({ n }));
    const subscribed = await subscribing;
    expect(subscribed.recovered).toBe(true);
    expect(subscribed.publications.length).toBeLessThan(5_000);
    const received = (): number[] => numbers([...subscribed.publications, ...other.publications("chat.long")]);
    await eventually(() => received().length >= 6_000);
    expect(received()).toEqual(upTo(6_000));
    other.cut();
  });

  it("is not misled by forged Nats-* headers of a direct publisher", async () => {
    const { position } = await client.subscribe("chat.forged");
    const forge = (n: number): void => {
      const forged = headers();
      forged.append("Nats-Sequence", "999999999");
      forged.append("Nats-Last-Sequence", "0");
      forged.append("Nats-Stream", "HALLEY_other");
      forged.append("Nats-Subject", "halley.pub.chat.other");
      nats.publish("halley.pub.chat.forged", JSON.stringify({ n }), { headers: forged });
    };
    for (let n = 1; n <= 10; n++) forge(n);
    await eventually(() => client.publications("chat.forged").length === 10);
    expect(numbers(client.publications("chat.forged"))).toEqual(upTo(10));
    expect(client.publications("chat.forged").at(-1)!.offset).toBeLessThan(1_000_000);
    const { client: other } = await WsClient.connect(installation.connectors[1]!.port, "1");
    const subscribed = await other.subscribe("chat.forged", position);
    expect([subscribed.recovered, numbers(subscribed.publications)]).toEqual([true, upTo(10)]);
    other.cut();
  });

  it("buries direct messages that are not what they say, once, and delivers the others", async () => {
    const { client: other } = await WsClient.connect(installation.connectors[1]!.port, "1");
    await Promise.all([client.subscribe("chat.dead"), other.subscribe("chat.dead")]);
    const wrong = headers();
    wrong.set("Content-Type", "application/protobuf");
    nats.publish("halley.pub.chat.dead", "{broken");
    nats.publish("halley.pub.chat.dead", new Uint8Array([0xff, 0xfe]));
    nats.publish("halley.pub.chat.dead", "x", { headers: wrong });
    nats.publish("halley.pub.chat.dead", JSON.stringify("x".repeat(600_000)));
    nats.publish("halley.pub.chat.dead", '{"n":1}');
    await eventually(() => client.publications("chat.dead").length === 1 && other.publications("chat.dead").length === 1);
    const jsm = await nats.jetstreamManager();
    const letters = await eventually(async () => {
      const { state } = await jsm.streams.info("HALLEY_DEAD", { subjects_filter: "halley.dead.chat.dead" });
      return state.subjects?.["halley.dead.chat.dead"] === 4 && state.subjects;
    });
    expect(letters).toEqual({ "halley.dead.chat.dead": 4 });
    other.cut();
  });

  it("survives headers that can't be parsed: the message is read from the stream", async () => {
    const socket = await rawNats(installation.nats.port);
    await client.subscribe("chat.odd");
    const block = "NATS/1.0\r\nOdd Name(: x\r\n\r\n";
    const payload = '{"n":1}';
    socket.write(`HPUB halley.pub.chat.odd ${String(block.length)} ${String(block.length + payload.length)}\r\n${block}${payload}\r\n`);
    await eventually(() => client.publications("chat.odd").length === 1);
    await publish("chat.odd", 1, 2);
    await eventually(() => client.publications("chat.odd").length === 2);
    expect(numbers(client.publications("chat.odd"))).toEqual([1, 2]);
    socket.destroy();
  });

  it("tells live and returning clients that a history was cleared", async () => {
    const { position } = await client.subscribe("chat.cleared");
    await publish("chat.cleared", 2);
    await eventually(() => client.publications("chat.cleared").length === 2);
    const tombstone = headers();
    tombstone.set("Halley-Control", "tombstone");
    await js().publish("halley.pub.chat.cleared", "", { headers: tombstone });
    const { reset } = (await client.next((frame) => frame["reset"] !== undefined)) as unknown as { reset: { channel: string; reason: string; position: typeof position } };
    expect(reset).toMatchObject({ channel: "chat.cleared", reason: "HISTORY_CLEARED" });
    await publish("chat.cleared", 1, 3);
    const { client: other } = await WsClient.connect(installation.connectors[1]!.port, "1");
    expect(await other.subscribe("chat.cleared", position)).toMatchObject({ recovered: false });
    const after = await resubscribe("chat.cleared", reset.position);
    expect([after.recovered, numbers(after.publications)]).toEqual([true, [3]]);
    other.cut();
  });

  it("gives channels without history a position on the same connector, and no proof on another", async () => {
    const { position } = await client.subscribe("live.x");
    await client.ask({ unsubscribe: { channel: "live.x" } });
    nats.publish("halley.pub.live.x", '{"n":1}');
    await nats.flush();
    const back = await client.subscribe("live.x", position);
    expect([back.recovered, numbers(back.publications)]).toEqual([true, [1]]);
    const { client: other } = await WsClient.connect(installation.connectors[1]!.port, "1");
    expect(await other.subscribe("live.x", position)).toMatchObject({ recovered: false, publications: [] });
    other.cut();
  });
});

/** A connection to NATS that sends what it is told, valid or not. */
async function rawNats(port: number): Promise<Socket> {
  const socket = createConnection({ host: "127.0.0.1", port });
  await new Promise((resolve) => socket.once("data", resolve));
  socket.write('CONNECT {"verbose":false,"pedantic":false,"headers":true,"lang":"test","version":"0"}\r\n');
  return socket;
}
