import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLog } from "../log.js";
import { Metrics } from "./metrics.js";
import { OpsServer } from "./opsServer.js";
import { Readiness } from "./readiness.js";

describe("ops server", () => {
  const readiness = new Readiness();
  const metrics = new Metrics("test");
  let ops: OpsServer;
  const options = (port: number) => ({ host: "127.0.0.1", port, portSetting: "HALLEY_PUBLISH_OPS_PORT", metrics, readiness, log: silentLog });
  const get = (path: string, method = "GET") => fetch(`http://127.0.0.1:${String(ops.port)}${path}`, { method });

  beforeEach(async () => { ops = await OpsServer.start(options(0)); });
  afterEach(() => ops.stop());

  it("is alive while it answers", async () => {
    expect((await get("/healthz")).status).toBe(200);
  });

  it("is ready only when every check passes, and says which doesn't", async () => {
    let away: string | undefined = "no server answers";
    readiness.add("nats", () => away);
    readiness.add("streams", () => undefined);
    const refused = await get("/readyz");
    expect([refused.status, await refused.text()]).toEqual([503, "nats: no server answers\n"]);
    away = undefined;
    expect((await get("/readyz")).status).toBe(200);
  });

  it("shows the service's metrics beside those of the process", async () => {
    const counter = metrics.counter({ name: "things_total", help: "Things.", labels: ["kind"] });
    counter.inc({ kind: "good" }, 2);
    metrics.gauge({ name: "depth", help: "Depth." }, () => 7);
    const text = await (await get("/metrics")).text();
    expect(text).toContain('halley_things_total{kind="good",service="test"} 2');
    expect(text).toContain('halley_depth{service="test"} 7');
    expect(text).toContain("halley_process_cpu_seconds_total");
  });

  it("refuses other paths and methods", async () => {
    expect((await get("/")).status).toBe(404);
    expect((await get("/metrics", "POST")).status).toBe(405);
  });

  it("says in one sentence that the port is in use", async () => {
    await expect(OpsServer.start(options(ops.port))).rejects.toThrow(
      `port ${String(ops.port)} on 127.0.0.1 is in use: stop what listens there, or set HALLEY_PUBLISH_OPS_PORT`,
    );
  });

  it("stops twice as well as once, and is not ready while draining", async () => {
    readiness.drain();
    expect(await (await get("/readyz")).text()).toContain("draining");
    await ops.stop();
    await ops.stop();
  });
});
