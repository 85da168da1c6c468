import { connect as connectSocket, type Socket } from "node:net";
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../services/connector/limits.js";
import type { RunningConnector } from "../../services/connector/start.js";
import { eventually } from "../helpers/eventually.js";
import { type Installation, signToken, startInstallation } from "../helpers/installation.js";
import { readMetric } from "../helpers/metrics.js";
import { WsClient } from "../helpers/wsClient.js";

/** A masked text message of a client, with the zero mask, which leaves the bytes as they are. */
function textMessage(text: string): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(8);
  head.writeUInt8(0x81, 0);
  head.writeUInt8(0x80 | 126, 1);
  head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

describe("a WebSocket client that takes no leave", () => {
  let installation: Installation;
  let connector: RunningConnector;
  let nats: NatsConnection;

  beforeAll(async () => {
    installation = await startInstallation({ limits: { stuckMs: 60_000, pingIntervalMs: 60_000, reconnectGraceMs: 100 } });
    connector = installation.connectors[0]!;
    nats = await connect({ servers: installation.nats.url });
  });

  afterAll(async () => {
    await nats.close();
    await installation.stop();
  });

  /** A bare socket that is signed in and subscribed, and tells nothing of its end by itself. */
  async function openBare(port: number, channel: string): Promise<Socket> {
    const socket = connectSocket({ host: "127.0.0.1", port, allowHalfOpen: true });
    socket.on("error", () => undefined);
    socket.write("GET /v1/websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    socket.write(textMessage(`{"id":1,"connect":{"token":"${await signToken("slow")}"}}\n{"id":2,"subscribe":{"channel":"${channel}"}}`));
    let text = "";
    const onData = (data: Buffer): void => { text += data.toString("latin1"); };
    socket.on("data", onData);
    await eventually(() => text.includes('"subscribed"'));
    socket.off("data", onData);
    return socket;
  }
  const open = async (): Promise<number | undefined> => readMetric(connector.opsPort, "halley_connector_websockets");
  const flood = async (channel: string, count: number): Promise<void> => {
    const filler = "x".repeat(10_000);
    for (let n = 1; n <= count; n++) nats.publish(`halley.pub.${channel}`, JSON.stringify({ n, filler }));
    await nats.flush();
  };

  it.each([
    ["reads nothing", "paused", 1_500],
    ["reads slowly", "slow", 1_500],
    ["has nothing to read", "idle", 0],
  ])("is let go after its FIN, when it %s; the others miss nothing", async (_, name, count) => {
    const channel = `chat.fin-${name}`;
    const { client: other } = await WsClient.connect(connector.port, "other");
    await other.subscribe(channel);
    const socket = await openBare(connector.port, channel);
    expect(await open()).toBe(2);
    socket.pause();
    await flood(channel, count);
    await eventually(() => other.publications(channel).length === count);
    const reading = setInterval(() => { if (name !== "paused") socket.read(4_096); }, 50);
    socket.end();
    await eventually(async () => (await readMetric(connector.opsPort, "halley_connector_sessions")) === 1, 1_500);
    await eventually(async () => (await open()) === 1, 15_000);
    clearInterval(reading);
    socket.destroy();
    await flood(channel, 10);
    await eventually(() => other.publications(channel).length === count + 10);
    expect(other.publications(channel).map(({ data }) => (data as { n: number }).n).slice(count)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(other.frames.filter((frame) => frame["reset"] ?? frame["disconnect"])).toEqual([]);
    other.cut();
    await eventually(async () => (await open()) === 0);
  });

  it("doesn't hold up a connector that drains", async () => {
    const draining = await installation.addConnector({ limits: { ...DEFAULT_LIMITS, drainMs: 300 } });
    const stuck = await openBare(draining.port, "chat.drain");
    stuck.pause();
    const clients = await Promise.all(Array.from({ length: 20 }, async (__, at) => (await WsClient.connect(draining.port, String(at))).client));
    await flood("chat.drain", 1_500);
    const startedAt = Date.now();
    await draining.stop();
    // The window, and 2 s for answers that are still being written.
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    expect(await Promise.all(clients.map(async (client) => (await client.closed()).code))).toEqual(Array(20).fill(3000));
    stuck.destroy();
  });
});
