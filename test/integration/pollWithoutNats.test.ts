import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "nats";
import { type Installation, startInstallation } from "../helpers/installation.js";
import { eventually } from "../helpers/eventually.js";
import { PollClient } from "../helpers/pollClient.js";

describe("a long-poll client whose channel can't be read at the moment", () => {
  let installation: Installation;

  beforeAll(async () => { installation = await startInstallation({ connectors: 1 }); });
  afterAll(() => installation.stop());

  it("is given an empty position, sends that back, and gets what comes from when it can be read", async () => {
    const port = installation.connectors[0]!.port;
    const client = new PollClient("42");
    await client.poll(port);
    await installation.nats.stop(true);
    client.positions = { ...client.positions, "chat.away": {} };
    const askedAt = performance.now();
    await client.poll(port, [], 100);
    // It has waited for NATS: 5 s, as docs/PROTOCOL.md says, and no longer.
    const waitedMs = performance.now() - askedAt;
    expect(waitedMs).toBeGreaterThan(4_500);
    expect(waitedMs).toBeLessThan(8_000);
    expect(client.positions["chat.away"]).toEqual({ offset: 0, epoch: "" });
    await client.poll(port, [], 100);
    expect(client.positions["chat.away"]).toEqual({ offset: 0, epoch: "" });
    await installation.nats.start();
    await eventually(async () => {
      await client.poll(port, [], 500);
      return (client.positions["chat.away"] as { epoch: string }).epoch !== "";
    });
    const nats = await connect({ servers: installation.nats.url });
    await nats.request("halley.pub.chat.away", JSON.stringify({ n: 1 }));
    await eventually(async () => {
      await client.poll(port, [], 500);
      return client.publications("chat.away").length > 0;
    });
    expect(client.publications("chat.away").map(({ data }) => data)).toEqual([{ n: 1 }]);
    await nats.close();
  });
});
