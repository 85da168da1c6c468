import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../../test/helpers/eventually.js";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { silentLog } from "../log.js";
import { Bus } from "./bus.js";
import { makeHeaders } from "./publishHeaders.js";

describe("a message from NATS", () => {
  let nats: NatsServer;
  let bus: Bus;

  beforeAll(async () => {
    nats = await startNatsServer();
    bus = await Bus.connect({ servers: [nats.url], name: "test", log: silentLog });
  });
  afterAll(async () => {
    await bus.close();
    await nats.remove();
  });

  it("knows its size, headers included", async () => {
    const sizes: number[] = [];
    bus.subscribe("size", (message) => sizes.push(message.size()));
    bus.publish("size", Buffer.alloc(100));
    bus.publish("size", Buffer.alloc(100), { headers: makeHeaders({ a: "x".repeat(5_000) }) });
    await eventually(() => sizes.length === 2);
    const [bare = 0, withHeaders = 0] = sizes;
    expect(bare).toBe("size".length + 100);
    expect(withHeaders).toBeGreaterThan(bare + 5_000);
  });

  it("says how large answers are when it is one, not when it comes to a subscription", async () => {
    const { expectedMessageBytes: usual } = bus.answers;
    let came = 0;
    bus.subscribe("live", () => { came += 1; });
    bus.publish("live", Buffer.alloc(500_000));
    await eventually(() => came === 1);
    expect(bus.answers.expectedMessageBytes).toBe(usual);
    bus.subscribe("question", (message) => { message.respond(Buffer.alloc(300_000)); });
    await bus.request("question", "", 5_000);
    expect(bus.answers.expectedMessageBytes).toBe(300_000);
  });
});
