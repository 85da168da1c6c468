import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { eventually } from "../helpers/eventually.js";
import { type Installation, signToken, startInstallation, TEST_API_KEY } from "../helpers/installation.js";
import { PollClient } from "../helpers/pollClient.js";
import { TestPublisher, toChannel } from "../helpers/publishService.js";

/** 100,000 in the long form. */
const MESSAGES = Number(process.env["FANOUT_MESSAGES"] ?? 10_000);
const BATCH = 500;

/** Counts publications {"n":1}, {"n":2}, … without parsing frames; notes the first that is out of order. */
class Counter {
  count = 0;
  fault: string | undefined;

  constructor(socket: WebSocket) {
    socket.on("message", (data: Buffer) => {
      if (data.includes('{"ping":')) socket.send('{"pong":{}}');
      for (const [, n] of data.toString("latin1").matchAll(/"data":\{"n":(\d+)\}/g)) {
        this.count += 1;
        if (Number(n) !== this.count) this.fault ??= `${String(n)} came as number ${String(this.count)}`;
      }
    });
  }
}

async function openCounter(port: number, index: number): Promise<{ counter: Counter; socket: WebSocket }> {
  const socket = new WebSocket(`ws://127.0.0.1:${String(port)}/v1/websocket`, ["halley.v1.json"]);
  const counter = new Counter(socket);
  const subscribed = new Promise<void>((resolve) => {
    socket.on("message", (data: Buffer) => { if (data.includes('"subscribed"')) resolve(); });
  });
  await new Promise((resolve) => socket.once("open", resolve));
  const token = await signToken(`u${String(index)}`);
  socket.send(`${JSON.stringify({ id: 1, connect: { token } })}\n${JSON.stringify({ id: 2, subscribe: { channel: "chat.flood" } })}`);
  await subscribed;
  return { counter, socket };
}

describe("one channel, many subscribers", () => {
  let installation: Installation;
  let publisher: TestPublisher;

  beforeAll(async () => {
    installation = await startInstallation({ connectors: 2 });
    publisher = new TestPublisher(installation.publish.port, TEST_API_KEY);
  });

  afterAll(async () => {
    publisher.close();
    await installation.stop();
  });

  it(`brings ${String(MESSAGES)} messages, complete and in order, to 100 WebSockets and 10 pollers`, async () => {
    const ports = installation.connectors.map(({ port }) => port);
    const sockets = await Promise.all(Array.from({ length: 100 }, (_, index) => openCounter(ports[index % 2]!, index)));
    const pollers = Array.from({ length: 10 }, (_, index) => new PollClient(`p${String(index)}`));
    await Promise.all(pollers.map((poller) => poller.poll(ports[0]!, [{ id: 1, subscribe: { channel: "chat.flood" } }])));
    const polling = pollers.map(async (poller) => {
      let received = 0;
      for (let round = 0; received < MESSAGES; round++) {
        await poller.poll(ports[round % 2]!, [], 2_000);
        for (const { data } of poller.publications("chat.flood")) {
          received += 1;
          expect((data as { n: number }).n).toBe(received);
        }
        poller.frames.length = 0;
      }
      return received;
    });

    for (let from = 1; from <= MESSAGES; from += BATCH) {
      const { results } = await publisher.publishBatch(Array.from({ length: BATCH }, (_, index) => toChannel("chat.flood", { n: from + index })));
      expect(results.every(({ outcome }) => outcome?.$case === "published")).toBe(true);
    }

    const isDone = ({ counter, socket }: { counter: Counter; socket: WebSocket }): boolean =>
      counter.count >= MESSAGES || counter.fault !== undefined || socket.readyState !== socket.OPEN;
    await eventually(() => sockets.every(isDone), 240_000);
    expect(sockets.map(({ counter }) => counter.fault).filter(Boolean)).toEqual([]);
    expect(new Set(sockets.map(({ counter }) => counter.count))).toEqual(new Set([MESSAGES]));
    expect(await Promise.all(polling)).toEqual(pollers.map(() => MESSAGES));
    for (const { socket } of sockets) socket.terminate();
  }, 300_000);
});
