import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type Installation, startInstallation } from "../helpers/installation.js";
import { readMetric } from "../helpers/metrics.js";
import { PollClient } from "../helpers/pollClient.js";
import { WsClient } from "../helpers/wsClient.js";

describe("a connector that drains", () => {
  let installation: Installation;

  beforeAll(async () => {
    installation = await startInstallation({ connectors: 2 });
  });

  afterAll(async () => {
    await installation.stop();
  });

  it("sends its clients away with 3000, answers polls, takes nobody new, and loses nothing", async () => {
    const [leaving, staying] = installation.connectors;
    const { client } = await WsClient.connect(leaving!.port, "1");
    const { position } = await client.subscribe("chat.drain");
    const poller = new PollClient("2");
    await poller.poll(leaving!.port, [{ id: 1, subscribe: { channel: "chat.drain" } }]);
    const waiting = poller.poll(leaving!.port, [], 20_000);
    await eventually(async () => (await readMetric(leaving!.opsPort, "halley_connector_polls")) === 1);

    const stopping = leaving!.stop();
    expect((await client.closed()).code).toBe(3000);
    expect(client.frames.at(-1)).toMatchObject({ disconnect: { code: 3000, reason: "draining", reconnect: true, afterMs: expect.any(Number) as number } });
    expect((await waiting).frames).toMatchObject([{ disconnect: { code: 3000 } }]);
    await stopping;
    await expect(WsClient.open(leaving!.port)).rejects.toThrow();

    const { client: publisher } = await WsClient.connect(staying!.port, "3");
    await publisher.ask({ publish: { channel: "chat.drain", data: { n: 1 } } });
    const { client: back } = await WsClient.connect(staying!.port, "1");
    expect(await back.subscribe("chat.drain", position)).toMatchObject({ recovered: true, publications: [{ data: { n: 1 } }] });
    await poller.poll(staying!.port);
    expect(poller.publications("chat.drain")).toMatchObject([{ data: { n: 1 } }]);
    publisher.cut();
    back.cut();
  });
});
