import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type Installation, startInstallation } from "../helpers/installation.js";
import { PollClient } from "../helpers/pollClient.js";
import type { Frame, TestPosition, TestSubscribed } from "../helpers/wsClient.js";

/** docs/PROTOCOL.md, 7. */
const ANSWER_BYTES = 256 * 1024;

describe("a long-poll client with many channels", () => {
  let installation: Installation;
  let nats: NatsConnection;
  let ports: number[];

  beforeAll(async () => {
    installation = await startInstallation({ connectors: 2 });
    ports = installation.connectors.map(({ port }) => port);
    nats = await connect({ servers: installation.nats.url });
  });

  afterAll(async () => {
    await nats.close();
    await installation.stop();
  });

  const namesOf = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, at) => `chat.${prefix}-${String(at)}`);
  const publishNumbers = async (channels: readonly string[], count: number, filler = ""): Promise<void> => {
    for (let n = 1; n <= count; n++) for (const channel of channels) nats.publish(`halley.pub.${channel}`, JSON.stringify({ n, filler }));
    await nats.flush();
  };
  /** A client that has subscribed to all, and what was published since. */
  const subscribed = async (channels: readonly string[]): Promise<PollClient> => {
    const client = new PollClient("1");
    client.positions = Object.fromEntries(channels.map((channel) => [channel, {}]));
    await client.poll(ports[0]!);
    expect(Object.keys(client.positions)).toHaveLength(channels.length + 2);
    return client;
  };
  const sizeOf = (frames: readonly object[]): number => Buffer.byteLength(JSON.stringify(frames));
  const numbersByChannel = ({ frames }: PollClient): Map<string, number[]> => {
    const numbers = new Map<string, number[]>();
    for (const frame of frames) {
      const publications = (frame["subscribed"] as TestSubscribed | undefined)?.publications ?? [frame["publication"] as TestSubscribed["publications"][number] | undefined];
      for (const publication of publications) if (publication) numbers.set(publication.channel, [...(numbers.get(publication.channel) ?? []), (publication.data as { n: number }).n]);
    }
    return numbers;
  };

  it.each([
    ["from memory", 0],
    ["from the history", 1],
  ])("comes back to 1,000 of them and is given all that it missed, once, in order, %s", async (name, connector) => {
    const channels = namesOf(name.replaceAll(" ", "-"), 1_000);
    const client = await subscribed(channels);
    await publishNumbers(channels, 3);
    let received = 0;
    for (let polls = 0; received < 3_000 && polls < 20; polls++) {
      const { frames } = await client.poll(ports[connector]!, [], 2_000);
      received += frames.length;
      expect(sizeOf(frames)).toBeLessThan(ANSWER_BYTES + 4_096);
    }
    expect(client.frames.filter(({ publication }) => publication === undefined)).toEqual([]);
    const numbers = numbersByChannel(client);
    expect(channels.filter((channel) => JSON.stringify(numbers.get(channel)) !== "[1,2,3]")).toEqual([]);
  });

  it.each([
    ["from memory", 0],
    ["from the history", 1],
  ])("subscribes to 200 at once with 64 KiB to catch up each, in answers of bounded size, %s", async (name, connector) => {
    const channels = namesOf(`subscribe-${name.replaceAll(" ", "-")}`, 200);
    const asked = { ...(await subscribed(channels)).positions };
    await publishNumbers(channels, 16, "é".repeat(2 * 1_024));
    const client = new PollClient("2");
    const request = channels.map((channel, at) => ({ id: at + 1, subscribe: { channel, position: asked[channel] as TestPosition } }));
    const { frames } = await client.poll(ports[connector]!, request);
    // Each verdict takes a few hundred bytes, whatever there is to catch up.
    expect(sizeOf(frames)).toBeLessThan(ANSWER_BYTES + 200 * 300);
    const verdicts = frames.flatMap((frame) => (frame["subscribed"] as TestSubscribed | undefined) ?? []);
    expect(verdicts.map(({ channel, recovered }) => [channel, recovered])).toEqual(channels.map((channel) => [channel, true]));
    expect(verdicts.at(-1)).toMatchObject({ position: asked[channels.at(-1)!], publications: [] });
    const count = (): number => [...numbersByChannel(client).values()].reduce((sum, numbers) => sum + numbers.length, 0);
    for (let polls = 0; count() < 16 * 200 && polls < 100; polls++) {
      const answer = await client.poll(ports[(connector + polls) % 2]!, [], 2_000);
      expect(sizeOf(answer.frames)).toBeLessThan(ANSWER_BYTES + 8 * 1_024);
    }
    const numbers = numbersByChannel(client);
    const all = JSON.stringify(Array.from({ length: 16 }, (_, at) => at + 1));
    expect(channels.filter((channel) => JSON.stringify(numbers.get(channel)) !== all)).toEqual([]);
  });

  it("is told at once, without room for a publication, of what can't be recovered", async () => {
    const channels = namesOf("lost", 100);
    const asked = { ...(await subscribed(channels)).positions };
    await publishNumbers(channels, 4, "x".repeat(4 * 1_024));
    const client = new PollClient("3");
    const lost = { offset: 1, epoch: "another" };
    const request = [...channels, "chat.lost-at-last", "chat.begins-now"].map((channel, at) => ({ id: at + 1, subscribe: { channel, position: asked[channel] ?? (channel === "chat.begins-now" ? {} : lost) } }));
    const { frames, positions } = await client.poll(ports[0]!, request);
    const [last, begins] = frames.slice(-2).map((frame) => frame["subscribed"] as TestSubscribed);
    expect(last).toMatchObject({ channel: "chat.lost-at-last", recovered: false, publications: [], position: positions["chat.lost-at-last"] });
    expect(begins).toMatchObject({ channel: "chat.begins-now", recovered: true, publications: [], position: positions["chat.begins-now"] });
    expect([last?.position.epoch, begins?.position.epoch]).toEqual(Array(2).fill((positions[channels[0]!] as TestPosition).epoch));
  });
});

describe("a long-poll client that asks for many long lists", () => {
  let installation: Installation;

  beforeAll(async () => {
    installation = await startInstallation({ presence: true, limits: { pollGraceMs: 60_000 } });
  });

  afterAll(() => installation.stop());

  it("is given as many as there is room for, and the others when it asks again", async () => {
    const { port } = installation.connectors[0]!;
    const user = (at: number): string => `${String(at).padStart(4, "0")}${"u".repeat(120)}`;
    await Promise.all(
      Array.from({ length: 1_000 }, async (_, at) => {
        const member = new PollClient(user(at));
        await member.poll(port, [{ id: 1, subscribe: { channel: "chat.crowd" } }]);
      }),
    );
    const client = new PollClient("asks");
    const lists = (frames: readonly Frame[]): number => frames.filter(({ members }) => (members as { users?: string[] } | undefined)?.users?.length === 1_000).length;
    await eventually(async () => lists((await client.poll(port, [{ id: 1, members: { channel: "chat.crowd" } }])).frames) === 1);
    const { frames } = await client.poll(port, Array.from({ length: 50 }, (_, at) => ({ id: at + 1, members: { channel: "chat.crowd" } })));
    expect(frames).toHaveLength(50);
    expect(lists(frames)).toBe(3);
    expect(frames.filter(({ error }) => error)).toMatchObject(Array(47).fill({ error: { reason: "OVERLOADED", retryable: true } }));
    expect(lists((await client.poll(port, [{ id: 51, members: { channel: "chat.crowd" } }])).frames)).toBe(1);
  });
});
