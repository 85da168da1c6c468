import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type MutableProxy, startMutableProxy } from "../helpers/mutableProxy.js";
import { PageRig } from "./pageRig.js";
import { countTo } from "./traffic.js";

/** Retries come soon: a test would wait for many seconds otherwise. */
const HASTY = "const random = Math.random; Math.random = () => random() / 20;";

describe.each(["websocket", "poll"] as const)("what a page publishes over %s", (transport) => {
  let rig: PageRig;
  let muted: MutableProxy;
  const transports = [transport];

  beforeAll(async () => {
    rig = await PageRig.start();
    muted = await startMutableProxy(rig.proxy.port);
  });

  afterEach(() => rig.clear());

  afterAll(async () => {
    await muted.stop();
    await rig.stop();
  });

  it("is stored once when the answers are lost after that", async () => {
    const channel = "chat.answers";
    const witness = await rig.open({ transports: ["websocket"], channels: [channel] }, rig.installation.connectors[0]?.port);
    const page = await rig.open({ transports, channels: [], before: HASTY }, muted.port);
    await eventually(async () => (await page.read("probe.halley.state")) === "connected");
    muted.muted = true;
    await page.read(`probe.publishAll("${channel}", [1, 2, 3, 4, 5])`);
    await eventually(async () => (await witness.received(channel)).length === 5);
    muted.muted = false;
    muted.cut();
    expect(await page.outcomes(5)).toEqual({ 1: "duplicate", 2: "duplicate", 3: "duplicate", 4: "duplicate", 5: "duplicate" });
    await page.read(`probe.publishAll("${channel}", [6])`);
    await eventually(async () => (await witness.received(channel)).includes(6));
    expect(await witness.received(channel)).toEqual(countTo(6));
  });

  it("is refused when the page is offline for longer than its time, and is stored once when it is published again", async () => {
    const channel = "chat.late";
    const page = await rig.open({ transports, channels: [channel], before: HASTY, publishTimeoutMs: 1_000 });
    await page.page.context().setOffline(true);
    rig.proxy.mode = "refuse";
    rig.proxy.cut();
    const at = Date.now();
    await page.read(`probe.publishAll("${channel}", [1, 2, 3], String)`);
    expect(new Set(Object.values(await page.outcomes(3)))).toEqual(new Set(["PUBLISH_TIMEOUT"]));
    expect(Date.now() - at).toBeGreaterThan(990);
    expect(Date.now() - at).toBeLessThan(3_000);
    await page.read("void (probe.outcomes = {})");
    rig.proxy.mode = "pass";
    await page.page.context().setOffline(false);
    await eventually(async () => (await page.read("probe.halley.state")) === "connected");
    await page.read(`probe.publishAll("${channel}", [1, 2, 3], String)`);
    expect(new Set(Object.values(await page.outcomes(3)))).toEqual(new Set(["stored"]));
    await eventually(async () => (await page.received(channel)).length >= 3);
    expect(await page.received(channel)).toEqual([1, 2, 3]);
  });

  it("is refused at once when the outbox is full; what is in it is stored, in order", async () => {
    const channel = "chat.full";
    const page = await rig.open({ transports, channels: [channel], before: HASTY, maxPending: 10 });
    rig.proxy.mode = "refuse";
    rig.proxy.cut();
    if (transport === "websocket") await eventually(async () => (await page.read("probe.halley.state")) !== "connected");
    await page.read(`probe.publishAll("${channel}", Array.from({ length: 30 }, (_, index) => index + 1))`);
    const refused = await page.outcomes(20);
    expect(new Set(Object.values(refused))).toEqual(new Set(["OUTBOX_FULL"]));
    rig.proxy.mode = "pass";
    const outcomes = await page.outcomes(30);
    expect(countTo(10).filter((number) => !["stored", "duplicate"].includes(outcomes[number] ?? ""))).toEqual([]);
    await eventually(async () => (await page.received(channel)).length >= 10);
    expect(await page.received(channel)).toEqual(countTo(10));
  });

  it("is settled, whatever it is, when the page closes its client under way", async () => {
    const channel = "chat.closing";
    const page = await rig.open({ transports, channels: [channel], before: HASTY });
    await page.read(`probe.publishAll("${channel}", Array.from({ length: 100 }, (_, index) => index + 1))`);
    await page.read("probe.halley.close()");
    await page.read(`probe.publishAll("${channel}", [101])`);
    const outcomes = await page.outcomes(101);
    expect(outcomes[101]).toBe("CLOSED");
    expect([...new Set(Object.values(outcomes))].filter((outcome) => outcome !== "stored" && outcome !== "CLOSED")).toEqual([]);
  });
});
