import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { olderThan } from "../../lib/bus/serverVersion.js";
import { type Log, silentLog } from "../../lib/log.js";
import { eventually } from "../helpers/eventually.js";
import { type Services, startServices, TEST_API_KEY, TEST_NAMESPACES } from "../helpers/installation.js";
import { type NatsCluster, startNatsCluster } from "../helpers/natsCluster.js";
import { NATS_PROGRAMS } from "../helpers/natsPrograms.js";
import { PollClient } from "../helpers/pollClient.js";
import { TestPublisher, toChannel } from "../helpers/publishService.js";
import { type Frame, type TestSubscribed, WsClient } from "../helpers/wsClient.js";

const old = NATS_PROGRAMS.find(({ version }) => olderThan(version, "2.11.0"));

describe.skipIf(!old)("a cluster older than 2.11 (needs such a nats-server on PATH, or in HALLEY_NATS_SERVER)", () => {
  const warnings: string[] = [];
  let cluster: NatsCluster;
  let services: Services;
  let publisher: TestPublisher;
  let ports: readonly number[];

  beforeAll(async () => {
    cluster = await startNatsCluster({ program: old?.program ?? "" });
    const log: Log = { ...silentLog, warn: (_, text) => warnings.push(text), child: () => log };
    services = await startServices(cluster.urls, { connectors: 2, log, namespaces: { replicas: 3, ...TEST_NAMESPACES } });
    publisher = new TestPublisher(services.publish.port, TEST_API_KEY);
    ports = services.connectors.map(({ port }) => port);
  }, 60_000);
  afterAll(async () => {
    publisher.close();
    await services.stop();
    await cluster.remove();
  });

  const publish = async (channel: string, n: number): Promise<void> => { await publisher.publish(toChannel(channel, { n })); };
  const verdicts = (frames: readonly Frame[]): boolean[] => frames.flatMap(({ subscribed }) => (subscribed === undefined ? [] : [(subscribed as TestSubscribed).recovered]));

  it("is warned of, with what to do", () => {
    expect(warnings).toContainEqual(expect.stringMatching(/^a cluster older than 2\.11\.0 can lose history without a trace: .*update it$/));
  });

  it("delivers what comes, and tells a WebSocket that comes back that nothing is proven, also where nothing was missed", async () => {
    const { client, connected } = await WsClient.connect(ports[0]!, "1");
    const { position } = await client.subscribe("chat.a");
    for (let n = 1; n <= 3; n++) await publish("chat.a", n);
    await eventually(() => client.publications("chat.a").length === 3);
    const [, , last] = client.publications("chat.a");
    const now = { offset: last?.offset ?? 0, epoch: position.epoch };
    client.cut();
    for (const port of ports) {
      const positions = { "user.1": connected.subscriptions["user.1"]?.position };
      const { client: again, connected: back } = await WsClient.connect(port, "1", { session: connected.session, positions });
      expect(back.subscriptions["user.1"]?.recovered).toBe(false);
      expect(await again.subscribe("chat.a", now)).toMatchObject({ recovered: false, publications: [] });
      await again.ask({ unsubscribe: { channel: "chat.a" } });
      expect(await again.subscribe("chat.a", position)).toMatchObject({ recovered: false, publications: [] });
      again.cut();
    }
  });

  it("tells a poll that subscribes with a position the same", async () => {
    const poll = new PollClient("2");
    await poll.poll(ports[0]!, [{ id: 1, subscribe: { channel: "chat.b" } }]);
    const position = poll.positions["chat.b"];
    await publish("chat.b", 1);
    const back = new PollClient("2");
    await back.poll(ports[1]!, [{ id: 1, subscribe: { channel: "chat.b", position } }]);
    expect(verdicts(back.frames)).toEqual([false]);
  });

  it("goes on with polls at one connector, and tells one that missed something at another that it is lost", async () => {
    const poll = new PollClient("3");
    await poll.poll(ports[0]!, [{ id: 1, subscribe: { channel: "chat.c" } }]);
    for (let n = 1; n <= 3; n++) {
      await publish("chat.c", n);
      await eventually(async () => {
        await poll.poll(ports[0]!);
        return poll.publications("chat.c").length === n;
      });
    }
    expect(poll.frames.filter(({ reset }) => reset !== undefined)).toEqual([]);
    const before = poll.frames.length;
    await publish("chat.c", 4);
    await poll.poll(ports[1]!);
    const told = poll.frames.slice(before);
    expect(told.map(({ reset }) => (reset as { reason?: string } | undefined)?.reason)).toEqual(["HISTORY_LOST"]);
    await publish("chat.c", 5);
    await eventually(async () => {
      await poll.poll(ports[1]!);
      return poll.publications("chat.c").length === 4;
    });
    expect(poll.publications("chat.c").map(({ data }) => (data as { n: number }).n)).toEqual([1, 2, 3, 5]);
  });
});
