import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeClock } from "../../../test/helpers/fakeClock.js";
import { type NatsServer, startNatsServer } from "../../../test/helpers/natsServer.js";
import { startSessionServices, type TestServices } from "../../../test/helpers/sessionServices.js";

describe("browser publisher", () => {
  const clock = new FakeClock();
  let nats: NatsServer;
  let rig: TestServices;

  beforeEach(async () => {
    nats = await startNatsServer();
    rig = await startSessionServices(nats.url, { clock });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await rig.stop();
    await nats.remove();
  });

  const publish = (n: number): ReturnType<TestServices["services"]["requests"]["publish"]> =>
    rig.services.requests.publish(n, "42", { channel: "live.a", type: "", key: "", data: { data: { $case: "json", value: Buffer.from(String(n)) } } });

  it("gives up after 5 s on a NATS server that says nothing, also in channels without history", async () => {
    vi.spyOn(rig.bus, "flush").mockImplementation(() => new Promise(() => undefined));
    const published = publish(1);
    const refused = expect(published).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    clock.advance(5_000);
    await refused;
  });

  it("asks the server once for all that is published together", async () => {
    const flush = vi.spyOn(rig.bus, "flush");
    expect(await Promise.all([1, 2, 3, 4].map(publish))).toMatchObject([{ kind: "published" }, { kind: "published" }, { kind: "published" }, { kind: "published" }]);
    expect(flush.mock.calls.length).toBeLessThanOrEqual(2);
  });
});
