import { headers } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type NatsServer, startNatsServer } from "../../test/helpers/natsServer.js";
import { silentLog } from "../log.js";
import { Bus } from "./bus.js";
import { fetchLastOfMany } from "./lastOfMany.js";
import { header } from "./subjects.js";

describe("the newest messages of many subjects", () => {
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

  it("are given up where an answer says that there is more, and doesn't go on", async () => {
    let asked = 0;
    bus.subscribe("$JS.API.DIRECT.GET.HALLEY_odd", ({ reply }) => {
      asked += 1;
      const end = headers(204, "EOB");
      end.set(header.pending, "5");
      bus.connection.publish(reply ?? "", Buffer.from(""), { headers: end });
    });
    await expect(fetchLastOfMany(bus, "HALLEY_odd", { subjects: ["halley.pub.odd.x"], from: 7 })).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    expect(asked).toBe(1);
  });
});
