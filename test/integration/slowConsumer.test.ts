import { connect, type NatsConnection } from "nats";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type Installation, startInstallation } from "../helpers/installation.js";
import { readMetric } from "../helpers/metrics.js";
import { type ReceivedPublication, WsClient } from "../helpers/wsClient.js";

const NAMESPACES = {
  namespaces: {
    chat: { history: { messages: 100_000, age: "1h", bytes: "256MiB" }, subscribe: "signed-in", publish: "signed-in", untyped: true },
    short: { history: { messages: 20, age: "1h", bytes: "16MiB" }, subscribe: "signed-in", untyped: true },
    live: { subscribe: "signed-in", publish: "signed-in", untyped: true },
  },
};

describe("a client that reads too slowly", () => {
  let installation: Installation;
  let nats: NatsConnection;
  let port: number;

  beforeAll(async () => {
    installation = await startInstallation({
      namespaces: NAMESPACES,
      limits: { ringBytesPerChannel: 64 * 1024, queueBytes: 32 * 1024, stuckMs: 4_000 },
    });
    port = installation.connectors[0]!.port;
    nats = await connect({ servers: installation.nats.url });
  });

  afterAll(async () => {
    await nats.close();
    await installation.stop();
  });

  const clients: WsClient[] = [];
  const join = async (): Promise<WsClient> => {
    const { client } = await WsClient.connect(port, "slow");
    clients.push(client);
    return client;
  };

  afterEach(() => {
    for (const client of clients.splice(0)) client.cut();
  });

  const filler = "x".repeat(10_000);
  const flood = async (channel: string, count: number): Promise<void> => {
    for (let n = 1; n <= count; n++) nats.publish(`halley.pub.${channel}`, JSON.stringify({ n, filler }));
    await nats.flush();
  };
  const taken = async (): Promise<number> => (await readMetric(installation.connectors[0]!.opsPort, "halley_connector_messages_total")) ?? 0;
  /** Floods while `slow` doesn't read, until the connector has taken everything from NATS. */
  const floodUnread = async (slow: WsClient, channel: string, count: number): Promise<void> => {
    const before = await taken();
    slow.socket.pause();
    await flood(channel, count);
    await eventually(async () => (await taken()) >= before + count, 20_000);
  };
  const numbers = (publications: readonly ReceivedPublication[]): number[] => publications.map(({ data }) => (data as { n: number }).n);
  const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

  /** What a client saw of a channel, in order: the numbers of publications, and the reasons of resets. */
  const steps = (client: WsClient, channel: string): (number | string)[] =>
    client.frames.flatMap<number | string>((frame) => {
      const publication = frame["publication"] as ReceivedPublication | undefined;
      if (publication?.channel === channel) return numbers([publication]);
      const reset = frame["reset"] as { readonly channel: string; readonly reason: string } | undefined;
      return reset?.channel === channel ? [reset.reason] : [];
    });

  it("gets everything, in order, once it reads again; the fast one never waits", async () => {
    const fast = await join();
    const slow = await join();
    await Promise.all([fast.subscribe("chat.slow"), slow.subscribe("chat.slow")]);
    // Past what the sockets' own buffers take (some MB), far past queue and ring.
    await floodUnread(slow, "chat.slow", 1_500);
    await eventually(() => fast.publications("chat.slow").length === 1_500);
    expect(slow.publications("chat.slow").length).toBeLessThan(1_500);
    slow.socket.resume();
    await eventually(() => slow.publications("chat.slow").length >= 1_500, 20_000);
    expect(numbers(slow.publications("chat.slow"))).toEqual(upTo(1_500));
    expect(slow.frames.filter((frame) => frame["reset"])).toEqual([]);
    nats.publish("halley.pub.chat.slow", '{"n":1501}');
    await eventually(() => slow.publications("chat.slow").length === 1_501);
  });

  it("is told by a reset when the history was too short, and goes on from there", async () => {
    const slow = await join();
    await slow.subscribe("short.slow");
    await floodUnread(slow, "short.slow", 1_500);
    slow.socket.resume();
    // While it catches up it may be too slow again, and be reset past what comes then.
    let last = 1_500;
    await eventually(() => {
      nats.publish("halley.pub.short.slow", JSON.stringify({ n: ++last }));
      return Number(steps(slow, "short.slow").at(-1)) > 1_500;
    });
    const all = steps(slow, "short.slow");
    expect(all).toContain("HISTORY_LOST");
    all.forEach((step, at) => {
      const before = at === 0 ? 0 : all[at - 1];
      if (typeof before === "number") expect([before + 1, "HISTORY_LOST"]).toContain(step);
    });
    const received = numbers(slow.publications("short.slow"));
    expect(received).toEqual([...new Set(received)].sort((a, b) => a - b));
  });

  it("keeps the newest of a channel without history", async () => {
    const slow = await join();
    await slow.subscribe("live.slow");
    await floodUnread(slow, "live.slow", 1_500);
    slow.socket.resume();
    await slow.next((frame) => frame["reset"] !== undefined);
    await eventually(() => numbers(slow.publications("live.slow")).at(-1) === 1_500);
  });

  it("is closed with 3001 when it stays stuck", async () => {
    const slow = await join();
    await slow.subscribe("chat.stuck");
    slow.socket.pause();
    await flood("chat.stuck", 1_500);
    await eventually(async () => (await readMetric(installation.connectors[0]!.opsPort, "halley_connector_sessions")) === 0, 20_000);
    slow.socket.resume();
    expect((await slow.closed()).code).toBe(3001);
    const last = slow.publications("chat.stuck").at(-1);
    const again = await join();
    const { position } = await again.subscribe("chat.stuck");
    const subscribed = await again.subscribe("chat.stuck", { offset: last?.offset ?? 0, epoch: position.epoch });
    await eventually(() => numbers([...subscribed.publications, ...again.publications("chat.stuck")]).at(-1) === 1_500);
    expect(subscribed.recovered).toBe(true);
  });
});
