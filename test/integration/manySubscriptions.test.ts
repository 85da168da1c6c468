import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type Installation, signToken, startInstallation } from "../helpers/installation.js";
import { type ReceivedPublication, type TestPosition, type TestSubscribed, WsClient } from "../helpers/wsClient.js";

const CHANNELS = 300;
const MESSAGES = 30;
/** docs/PROTOCOL.md, 4. */
const LARGEST_MESSAGE = 2 * 2 ** 20;

describe("a client that comes back to many channels at once", () => {
  let installation: Installation;
  let nats: NatsConnection;

  beforeAll(async () => {
    installation = await startInstallation({ connectors: 2 });
    nats = await connect({ servers: installation.nats.url });
  });

  afterAll(async () => {
    await nats.close();
    await installation.stop();
  });

  it.each([
    ["from memory", 0],
    ["from the history", 1],
  ])("is given everything that it missed, %s, at the pace at which it reads", async (name, connector) => {
    const { client } = await WsClient.connect(installation.connectors[0]!.port, "1");
    const channels = Array.from({ length: CHANNELS }, (_, at) => `chat.many-${name.replaceAll(" ", "-")}-${String(at)}`);
    const positions = new Map<string, TestPosition>();
    await Promise.all(channels.map(async (channel) => positions.set(channel, (await client.subscribe(channel)).position)));
    client.cut();
    const filler = "x".repeat(4_000);
    for (let n = 1; n <= MESSAGES; n++) for (const channel of channels) nats.publish(`halley.pub.${channel}`, JSON.stringify({ n, filler }));
    await nats.flush();

    const back = await WsClient.open(installation.connectors[connector]!.port);
    let largest = 0;
    back.socket.on("message", (data: Buffer) => { largest = Math.max(largest, data.length); });
    const frames = [
      { id: 1, connect: { token: await signToken("1") } },
      ...channels.map((channel, at) => ({ id: at + 2, subscribe: { channel, position: positions.get(channel) } })),
    ];
    back.send(frames.map((frame) => JSON.stringify(frame)).join("\n"));
    // A phone that is slow for a moment: the sockets' own buffers are full long before the answers are all there.
    back.socket.pause();
    const resumed = setTimeout(() => { back.socket.resume(); }, 2_000);
    const received = new Map<string, number[]>(channels.map((channel) => [channel, []]));
    let read = 0;
    const take = (): number => {
      for (const frame of back.frames.slice(read)) {
        const subscribed = frame["subscribed"] as TestSubscribed | undefined;
        const publication = frame["publication"] as ReceivedPublication | undefined;
        if (subscribed) expect(subscribed.recovered).toBe(true);
        for (const { channel, data } of subscribed?.publications ?? (publication ? [publication] : [])) received.get(channel)?.push((data as { n: number }).n);
      }
      read = back.frames.length;
      return [...received.values()].reduce((sum, numbers) => sum + numbers.length, 0);
    };
    let code: number | undefined;
    back.socket.once("close", (closed: number) => { code = closed; });
    await eventually(() => code !== undefined || take() >= CHANNELS * MESSAGES, 25_000);
    clearTimeout(resumed);
    expect(code).toBeUndefined();
    const all = Array.from({ length: MESSAGES }, (_, at) => at + 1);
    for (const numbers of received.values()) expect(numbers).toEqual(all);
    expect(largest).toBeLessThan(LARGEST_MESSAGE);
    back.cut();
  });
});
