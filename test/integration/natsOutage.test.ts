import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type Installation, startInstallation, TEST_API_KEY } from "../helpers/installation.js";
import { PollClient } from "../helpers/pollClient.js";
import { type CallFailure, TestPublisher, toChannel } from "../helpers/publishService.js";
import { WsClient } from "../helpers/wsClient.js";

/** 20,000 in the long form. */
const OUTAGE_MS = Number(process.env["OUTAGE_MS"] ?? 4_000);

describe("a NATS server that goes away and comes back", () => {
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

  it.each([
    ["stopped", false],
    ["killed", true],
  ])("%s: publishes fail fast, clients stay, and everything acknowledged arrives, once, in order", async (name, hard) => {
    const channel = `chat.outage-${name}`;
    const [first, second] = installation.connectors;
    const { client } = await WsClient.connect(first!.port, "1");
    await client.subscribe(channel);
    const poller = new PollClient("2");
    await poller.poll(first!.port, [{ id: 1, subscribe: { channel } }]);

    const acknowledged: { n: number; offset: number }[] = [];
    const failures: { code: number; ms: number }[] = [];
    const until = { publishing: true, polling: true };
    const publishing = (async () => {
      for (let n = 1; until.publishing; n++) {
        const startedAt = performance.now();
        try {
          const { position } = await publisher.publish(toChannel(channel, { n }));
          acknowledged.push({ n, offset: position!.offset });
        } catch (error) {
          failures.push({ code: (error as CallFailure).code, ms: performance.now() - startedAt });
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    })();
    const polls = (async () => {
      for (let round = 0; until.polling; round++) await poller.poll([first!, second!][round % 2]!.port, [], 300);
    })();

    await eventually(() => acknowledged.length > 50);
    await installation.nats.stop(hard);
    const before = acknowledged.length;
    await eventually(() => failures.length > 20);
    // The first may have been under way when the server went: it had its deadline. All others fail at once.
    expect(failures.slice(5).every(({ code, ms }) => code === 14 && ms < 200)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));
    expect(client.socket.readyState).toBe(client.socket.OPEN);
    await installation.nats.start();
    await eventually(() => acknowledged.length > before + 50, 20_000);
    until.publishing = false;
    await publishing;

    const offsets = acknowledged.map(({ offset }) => offset);
    const has = (received: readonly number[]): boolean => offsets.every((offset) => received.includes(offset));
    await eventually(() => has(client.publications(channel).map(({ offset }) => offset)), 15_000);
    await eventually(() => has(poller.publications(channel).map(({ offset }) => offset)), 15_000);
    until.polling = false;
    await polls;
    for (const received of [client.publications(channel), poller.publications(channel)]) {
      const seen = received.map(({ offset }) => offset);
      expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    }
    expect(client.frames.filter((frame) => frame["reset"])).toEqual([]);
    expect(poller.frames.filter((frame) => frame["reset"])).toEqual([]);
    client.cut();
  }, 60_000 + OUTAGE_MS);
});
