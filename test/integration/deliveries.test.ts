import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type Installation, startInstallation } from "../helpers/installation.js";
import { readMetric } from "../helpers/metrics.js";
import { PollClient } from "../helpers/pollClient.js";
import { type TestPosition, WsClient } from "../helpers/wsClient.js";

describe("connector_deliveries_total", () => {
  let installation: Installation;
  let nats: NatsConnection;
  let port: number;

  beforeAll(async () => {
    installation = await startInstallation({ limits: { chunkMessages: 2 } });
    port = installation.connectors[0]!.port;
    nats = await connect({ servers: installation.nats.url });
  });

  afterAll(async () => {
    await nats.close();
    await installation.stop();
  });

  const deliveries = async (): Promise<number> => (await readMetric(installation.connectors[0]!.opsPort, "halley_connector_deliveries_total")) ?? NaN;
  const publish = async (channel: string, count: number): Promise<void> => {
    for (let n = 0; n < count; n++) nats.publish(`halley.pub.${channel}`, String(n));
    await nats.flush();
  };

  it("counts what a WebSocket is sent: in connected and subscribed, while it catches up, and live", async () => {
    const { client: before, connected } = await WsClient.connect(port, "1");
    const { position } = await before.subscribe("chat.ws");
    before.cut();
    await eventually(async () => (await readMetric(installation.connectors[0]!.opsPort, "halley_connector_websockets")) === 0);
    await publish("chat.ws", 5);
    await publish("user.1", 1);
    const start = await deliveries();
    const { client } = await WsClient.connect(port, "1", { positions: { "user.1": connected.subscriptions["user.1"]?.position } });
    expect(await deliveries()).toBe(start + 1);
    const { publications } = await client.subscribe("chat.ws", position);
    expect(publications).toHaveLength(2);
    await eventually(() => client.publications("chat.ws").length === 3);
    await publish("chat.ws", 2);
    await eventually(() => client.publications("chat.ws").length === 5);
    expect(await deliveries()).toBe(start + 1 + 7);
    client.cut();
  });

  it("counts what answers to polls hold, and nothing for one that is superseded", async () => {
    const client = new PollClient("2");
    await client.poll(port, [{ id: 1, subscribe: { channel: "chat.poll" } }]);
    const asked = client.positions["chat.poll"] as TestPosition;
    const waiting = client.poll(port, [], 20_000);
    await eventually(async () => (await readMetric(installation.connectors[0]!.opsPort, "halley_connector_polls")) === 1);
    const start = await deliveries();
    await client.poll(port, [], 1);
    expect((await waiting).frames).toEqual([]);
    expect(await deliveries()).toBe(start);
    await publish("chat.poll", 5);
    await client.poll(port, [{ id: 2, subscribe: { channel: "chat.poll", position: asked } }]);
    await eventually(async () => {
      if (client.publications("chat.poll").length < 5) await client.poll(port, [], 100);
      return client.publications("chat.poll").length === 5;
    });
    expect(await deliveries()).toBe(start + 5);
    const live = client.poll(port, [], 20_000);
    await publish("chat.poll", 1);
    await live;
    expect(await deliveries()).toBe(start + 6);
  });
});
