import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type Installation, startInstallation } from "../helpers/installation.js";
import { WsClient } from "../helpers/wsClient.js";

/** Long enough for ticks to pile up, too short for the connection to be given up. */
const FROZEN_MS = 6_000;

describe("a NATS server that is frozen for 6 s under traffic", () => {
  let installation: Installation;
  const until = { publishing: true };

  beforeAll(async () => {
    installation = await startInstallation({ connectors: 2 });
  });

  afterAll(async () => {
    until.publishing = false;
    installation.nats.process.kill("SIGCONT");
    await installation.stop();
  });

  it("keeps its epochs: nobody is reset, and everything acknowledged arrives, once, in order", async () => {
    const clients = await Promise.all(installation.connectors.map(async ({ port }, index) => (await WsClient.connect(port, `u${String(index)}`)).client));
    for (const client of clients) await client.subscribe("chat.frozen");
    const acknowledged: number[] = [];
    const publishing = clients.map(async (client, who) => {
      for (let n = 1; until.publishing; n++) {
        const { published } = (await client.ask({ publish: { channel: "chat.frozen", data: n, key: `${String(who)}-${String(n)}` } })) as { published?: { position: { offset: number } } };
        if (published) acknowledged.push(published.position.offset);
      }
    });
    for (let round = 0; round < 3; round++) {
      const before = acknowledged.length;
      await eventually(() => acknowledged.length > before + 100);
      installation.nats.process.kill("SIGSTOP");
      await new Promise((resolve) => setTimeout(resolve, FROZEN_MS));
      installation.nats.process.kill("SIGCONT");
    }
    const before = acknowledged.length;
    await eventually(() => acknowledged.length > before + 100, 20_000);
    until.publishing = false;
    await Promise.all(publishing);
    for (const client of clients) {
      const offsets = (): number[] => client.publications("chat.frozen").map(({ offset }) => offset);
      await eventually(() => acknowledged.every((offset) => offsets().includes(offset)), 15_000);
      expect(offsets()).toEqual([...new Set(offsets())].sort((a, b) => a - b));
      expect(client.frames.filter((frame) => frame["reset"])).toEqual([]);
      client.cut();
    }
  }, 90_000);
});
