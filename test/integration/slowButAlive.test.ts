import { setTimeout as pause } from "node:timers/promises";
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type Installation, startInstallation } from "../helpers/installation.js";
import { readMetric } from "../helpers/metrics.js";
import { startTcpProxy, type TcpProxy } from "../helpers/tcpProxy.js";
import { WsClient } from "../helpers/wsClient.js";

const PONG_MS = 500;
/** Many pings and their time-outs. */
const SLOW_MS = 6_000;
const FILLER = "x".repeat(10_000);
/** More than the systems' own buffers take, and far more than comes through in that time. */
const COUNT = 2_000;
const BYTES_PER_S = 400_000;

describe("a client that reads slowly, behind whose messages pings wait", () => {
  let installation: Installation;
  let nats: NatsConnection;
  let proxy: TcpProxy;

  beforeAll(async () => {
    installation = await startInstallation({ limits: { pingIntervalMs: PONG_MS, pongMs: PONG_MS } });
    nats = await connect({ servers: installation.nats.url });
    proxy = await startTcpProxy(installation.connectors[0]?.port ?? 0);
  });

  afterAll(async () => {
    await nats.close();
    await proxy.stop();
    await installation.stop();
  });

  it("is not taken for dead while it takes what is sent to it, and gets everything", async () => {
    const [connector] = installation.connectors;
    const { client } = await WsClient.connect(proxy.port, "slow");
    await client.subscribe("chat.slow");
    proxy.faults.bytesPerSecond = BYTES_PER_S;
    for (let n = 1; n <= COUNT; n++) nats.publish("halley.pub.chat.slow", JSON.stringify({ n, filler: FILLER }));
    // Until the systems' buffers are full, which takes a busy machine a while: most of it is read from the history.
    await eventually(async () => ((await readMetric(connector?.opsPort ?? 0, "halley_connector_queued_bytes")) ?? 0) > 0, 20_000);
    await pause(SLOW_MS);
    const early = client.publications("chat.slow").length;
    proxy.faults.bytesPerSecond = 0;
    await eventually(() => client.publications("chat.slow").length === COUNT, 20_000);
    expect(early).toBeLessThan(COUNT);
    expect(client.frames.filter(({ disconnect }) => disconnect !== undefined)).toEqual([]);
    client.cut();
  }, 60_000);
});
