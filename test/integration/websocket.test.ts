import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type Installation, startInstallation } from "../helpers/installation.js";
import { WsClient } from "../helpers/wsClient.js";

describe("a WebSocket client", () => {
  let installation: Installation;
  let nats: NatsConnection;
  let port: number;

  beforeAll(async () => {
    installation = await startInstallation();
    port = installation.connectors[0]!.port;
    nats = await connect({ servers: installation.nats.url });
  });

  afterAll(async () => {
    await nats.close();
    await installation.stop();
  });

  it("signs in and is subscribed to its inbox and to everyone", async () => {
    const { client, connected } = await WsClient.connect(port, "42");
    expect(connected.user).toBe("42");
    expect(Object.keys(connected.subscriptions).sort()).toEqual(["all", "user.42"]);
    expect(connected.subscriptions["user.42"]).toMatchObject({ recovered: true, publications: [] });
    client.cut();
  });

  it("receives what is published straight onto NATS, with positions", async () => {
    const { client } = await WsClient.connect(port, "1");
    const { position } = await client.subscribe("chat.direct");
    nats.publish("halley.pub.chat.direct", '{"text":"one"}');
    nats.publish("halley.pub.chat.direct", '{"text":"two"}');
    await eventually(() => client.publications("chat.direct").length === 2);
    const [one, two] = client.publications("chat.direct");
    expect([one?.data, two?.data]).toEqual([{ text: "one" }, { text: "two" }]);
    expect(one!.offset).toBeGreaterThan(position.offset);
    expect(two!.offset).toBeGreaterThan(one!.offset);
    client.cut();
  });

  it("comes back with its position and gets what it missed, proven", async () => {
    const { client } = await WsClient.connect(port, "1");
    const { position } = await client.subscribe("chat.back");
    client.cut();
    for (let count = 1; count <= 50; count++) nats.publish("halley.pub.chat.back", JSON.stringify({ count }));
    await nats.flush();
    const again = (await WsClient.connect(port, "1")).client;
    const subscribed = await again.subscribe("chat.back", position);
    expect(subscribed.recovered).toBe(true);
    await eventually(() => subscribed.publications.length + again.publications("chat.back").length === 50);
    const counts = [...subscribed.publications, ...again.publications("chat.back")].map(({ data }) => (data as { count: number }).count);
    expect(counts).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    again.cut();
  });
});
