import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeClock } from "../../../test/helpers/fakeClock.js";
import { eventually } from "../../../test/helpers/eventually.js";
import { startMutableProxy } from "../../../test/helpers/mutableProxy.js";
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

  it("answers as new what only its own retry found stored, and what another tab stored as a duplicate", async () => {
    const proxy = await startMutableProxy(nats.port);
    const behind = await startSessionServices(`nats://127.0.0.1:${String(proxy.port)}`);
    const keyed = (n: number, through: TestServices): ReturnType<typeof publish> =>
      through.services.requests.publish(n, "42", { channel: "chat.a", type: "", key: "k", data: { data: { $case: "json", value: Buffer.from("1") } } });
    const heard: string[] = [];
    rig.bus.subscribe("halley.nudge.>", ({ subject, data }) => { heard.push(`${subject} ${Buffer.from(data).toString()}`); });
    rig.bus.subscribe("halley.pub.chat.a", () => { heard.push("stored"); });
    await rig.bus.flush();
    proxy.muted = true;
    const published = keyed(1, behind);
    await eventually(() => heard.length > 0);
    proxy.cut();
    proxy.muted = false;
    expect(await published).toMatchObject({ kind: "published", duplicate: false });
    await eventually(() => heard.includes("halley.nudge.chat.a 1"));
    expect(await keyed(2, rig)).toMatchObject({ kind: "published", duplicate: true, position: { offset: 1 } });
    await behind.stop();
    await proxy.stop();
  });

  it("asks the server once for all that is published together", async () => {
    const flush = vi.spyOn(rig.bus, "flush");
    expect(await Promise.all([1, 2, 3, 4].map(publish))).toMatchObject([{ kind: "published" }, { kind: "published" }, { kind: "published" }, { kind: "published" }]);
    expect(flush.mock.calls.length).toBeLessThanOrEqual(2);
  });
});
