import { setTimeout as pause } from "node:timers/promises";
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type Installation, startInstallation } from "../helpers/installation.js";
import { readMetric } from "../helpers/metrics.js";
import { type ClientFrameParts, closePayload, OPCODE } from "../helpers/rawWebSocket.js";
import { Peer } from "./peer.js";

const CASES: readonly (readonly [string, ClientFrameParts, number])[] = [
  ["says goodbye", { opcode: OPCODE.close, payload: closePayload(1000) }, 1000],
  ["sends a broken frame", { opcode: OPCODE.text, rsv: 1, payload: "x" }, 1002],
  ["sends what is not UTF-8", { opcode: OPCODE.text, payload: Buffer.from([0xff]) }, 1007],
  ["sends too much", { opcode: OPCODE.text, length: 300_000 }, 1009],
];

describe("a WebSocket client that ends in the middle of a stream", () => {
  let installation: Installation;
  let nats: NatsConnection;

  beforeAll(async () => {
    installation = await startInstallation();
    nats = await connect({ servers: installation.nats.url });
  });
  afterAll(async () => {
    await nats.close();
    await installation.stop();
  });

  const flood = async (count: number): Promise<void> => {
    const before = (await metric("messages_total")) ?? 0;
    const data = JSON.stringify("x".repeat(20_000));
    for (let n = 0; n < count; n++) nats.publish("halley.pub.chat.c", data);
    await eventually(async () => ((await metric("messages_total")) ?? 0) >= before + count);
  };
  const metric = (name: string): Promise<number | undefined> => readMetric(installation.connectors[0]!.opsPort, `halley_connector_${name}`);

  /** Resolves when the client's socket takes no more. */
  const standstill = async (): Promise<void> => {
    let before = -1;
    await eventually(async () => {
      await pause(300);
      const now = (await metric("deliveries_total")) ?? 0;
      const isStill = now === before;
      before = now;
      return isStill;
    });
  };

  it.each(CASES)("and %s, is told so with the last frame, though it has much to read", async (_, frame, code) => {
    const peer = await Peer.open(installation.connectors[0]!.port);
    await peer.send([{ opcode: OPCODE.text, payload: '{"id":3,"subscribe":{"channel":"chat.c"}}' }]);
    await peer.raw.until(() => peer.raw.messages.some(({ payload }) => payload.includes('{"id":3,"subscribed"')));
    peer.raw.socket.pause();
    await flood(600);
    await standstill();
    // Its answer waits behind what is unread.
    await peer.send([{ opcode: OPCODE.text, payload: '{"id":4,"unsubscribe":{"channel":"live.x"}}' }, frame]);
    await eventually(async () => (await metric("sessions")) === 0, 500).catch(() => undefined);
    peer.raw.socket.resume();
    await peer.ends(code);
  });

  it("is no session any more, also where it leaves the socket open; that is let go", async () => {
    const { port } = installation.connectors[0]!;
    const peers = await Promise.all(CASES.map(() => Peer.open(port)));
    await eventually(async () => (await metric("sessions")) === CASES.length);
    for (const [at, peer] of peers.entries()) {
      peer.raw.socket.allowHalfOpen = true;
      await peer.send([CASES[at]![1]]);
      await peer.raw.until(() => peer.raw.closed !== undefined);
    }
    await eventually(async () => (await metric("sessions")) === 0, 2_000);
    await eventually(async () => (await metric("websockets")) === 0, 8_000);
    for (const peer of peers) peer.raw.cut();
  });
});
