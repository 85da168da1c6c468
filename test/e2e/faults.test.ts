import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { toChannel } from "../helpers/publishService.js";
import { PageRig, PING_MS } from "./pageRig.js";
import { ProbePage, type ProbeOptions } from "./probePage.js";
import { countTo } from "./traffic.js";

/** Retries come soon: a test would wait for half a minute otherwise. */
const HASTY = "const random = Math.random; Math.random = () => random() / 20;";
/** Retries come as late as may be, so that what comes back earlier was woken. */
const LAZY = "Math.random = () => 0.999;";

let rig: PageRig;

beforeAll(async () => {
  rig = await PageRig.start();
});

afterEach(() => rig.clear());

afterAll(() => rig.stop());

/** One page over WebSocket, and one over long-poll, of one channel. */
const openBoth = (options: ProbeOptions): Promise<ProbePage[]> => Promise.all((["websocket", "poll"] as const).map((transport) => rig.open({ ...options, transports: [transport] })));

async function untilConnected(page: ProbePage, limitMs: number): Promise<void> {
  await eventually(async () => (await page.read("probe.halley.state")) === "connected", limitMs);
}

describe("over WebSocket and over long-poll nothing is lost and nothing comes twice", () => {
  it("when the browser is offline for a while; it is back as soon as the network is", async () => {
    const pages = await openBoth({ channels: ["chat.offline"], before: LAZY });
    const traffic = await rig.traffic("chat.offline");
    rig.proxy.mode = "refuse";
    for (const { page } of pages) await page.context().setOffline(true);
    rig.proxy.cut();
    // The retries at 1 s and at 3 s fail; the next one would come at 7 s.
    for (const page of pages) await eventually(async () => (await page.read<string[]>("probe.states")).filter((state) => state === "disconnected").length >= 3);
    rig.proxy.mode = "pass";
    for (const { page } of pages) await page.context().setOffline(false);
    await Promise.all(pages.map((page) => untilConnected(page, 2_500)));
    await rig.expectAll(traffic, "chat.offline", ...pages);
  });

  it("when the machine sleeps while its connections are forgotten", async () => {
    const pages = await openBoth({ channels: ["chat.sleep"], before: HASTY });
    const traffic = await rig.traffic("chat.sleep");
    const wake = await rig.freeze();
    try {
      rig.proxy.blackHole();
      await traffic.flow(300);
    } finally {
      wake();
    }
    // Browsers say so of pages that they froze. Long-poll alone would wait for 35 s.
    for (const page of pages) await page.read('void document.dispatchEvent(new Event("resume"))');
    await Promise.all(pages.map((page) => eventually(async () => (await page.received("chat.sleep")).length > 300, 8_000)));
    await rig.expectAll(traffic, "chat.sleep", ...pages);
  });

  it("when the lines carry 20 KB/s, a tenth of a second late", async () => {
    const pages = await openBoth({ channels: ["chat.slow"], before: HASTY });
    const traffic = await rig.traffic("chat.slow");
    Object.assign(rig.proxy.faults, { delayMs: 100, bytesPerSecond: 20_000 });
    await traffic.flow(150);
    rig.proxy.cut();
    await traffic.flow(50);
    await rig.expectAll(traffic, "chat.slow", ...pages);
  });

  it("when every byte comes by itself", async () => {
    const pages = await openBoth({ channels: ["chat.chopped"], before: HASTY });
    rig.proxy.faults.isChopped = true;
    rig.proxy.cut();
    await rig.expectAll(await rig.traffic("chat.chopped"), "chat.chopped", ...pages);
  });

  it("when pages are loaded again, and bring the positions that they kept", async () => {
    const before = 'addEventListener("pagehide", () => { sessionStorage.kept = JSON.stringify([probe.positions(), probe.received]); });';
    const pages = await openBoth({ channels: ["chat.reload"], before });
    const traffic = await rig.traffic("chat.reload");
    for (let loads = 0; loads < 2; loads++) {
      for (const [index, page] of pages.entries()) {
        await traffic.flow(10);
        await page.page.reload();
        const [positions, received] = JSON.parse(await page.read<string>("sessionStorage.kept")) as [unknown, object];
        await page.read(`void (probe.received = ${JSON.stringify(received)})`);
        await page.connect({ transports: [index === loads % 2 ? "websocket" : "poll"], channels: ["chat.reload"], positions });
      }
    }
    await rig.expectAll(traffic, "chat.reload", ...pages);
  });

  it("in several tabs of one user, of which some go", async () => {
    const context = await rig.browser.newContext();
    const start = (transport: "websocket" | "poll"): Promise<ProbePage> => ProbePage.startIn(context, rig.proxy.port, { transports: [transport], channels: ["chat.tabs"], before: HASTY });
    const [gone, ...others] = [await start("websocket"), await start("poll"), await start("websocket")];
    const traffic = await rig.traffic("chat.tabs");
    await gone.page.close();
    rig.proxy.cut();
    await traffic.flow(40);
    await rig.expectAll(traffic, "chat.tabs", ...others);
    await context.close();
  });
});

describe("half-open connections, of which no close event tells", () => {
  it("are given up over WebSocket within one and a half ping intervals", async () => {
    const channel = "chat.black";
    const page = await rig.open({ transports: ["websocket"], channels: [channel], before: HASTY });
    const traffic = await rig.traffic(channel);
    await page.read('void probe.halley.on("state", ({ state }) => { if (state === "disconnected") probe.noticedAt ??= performance.now(); })');
    const at = await page.read<number>("performance.now()");
    rig.proxy.blackHole();
    const noticedAt = await eventually(() => page.read<number | null>("probe.noticedAt ?? null"));
    expect(noticedAt - at).toBeLessThan(1.5 * PING_MS + 500);
    await rig.expectAll(traffic, channel, page);
    expect(await page.read("probe.states")).toEqual(["connecting", "websocket", "disconnected", "connecting", "websocket"]);
  });

  it("are given up over WebSocket within 3 s of the network's return", async () => {
    const page = await rig.open({ transports: ["websocket"], channels: ["chat.return"], before: HASTY });
    const traffic = await rig.traffic("chat.return");
    rig.proxy.blackHole();
    await page.read('void dispatchEvent(new Event("online"))');
    await traffic.flow(20);
    await eventually(async () => (await page.received("chat.return")).length >= 40, 5_000);
    await rig.expectAll(traffic, "chat.return", page);
  });

  it("are given up over long-poll after the network's return, within 3 s each: the browser keeps several", async () => {
    const channel = "chat.kept";
    const page = await rig.open({ transports: ["poll"], channels: [channel], before: HASTY });
    await page.read('fetch("/halley.js", { credentials: "omit", cache: "no-store" }).then((answer) => answer.text())');
    rig.proxy.blackHole();
    await page.read('void dispatchEvent(new Event("online"))');
    const traffic = await rig.traffic(channel);
    // The wake's poll goes to another connection that the browser has kept, and the sign-in after it may go to a third one.
    await eventually(async () => (await page.received(channel)).length >= 20, 8_000);
    await rig.expectAll(traffic, channel, page);
  });
});

describe("a network that flaps (300 ms up, 200 ms down) for 8 s", () => {
  it("loses and doubles nothing, of what comes and of what is published, over WebSocket, long-poll and what is chosen", async () => {
    const all = [["websocket"], ["poll"], ["websocket", "poll"]] as const;
    const pages = await Promise.all(all.map((transports, index) => rig.open({ transports, channels: ["chat.flap", `chat.own${String(index)}`], before: HASTY })));
    const traffic = await rig.traffic("chat.flap");
    for (let rounds = 0; rounds < 16; rounds++) {
      rig.proxy.mode = "pass";
      for (const [index, page] of pages.entries()) await page.read(`probe.publishAll("chat.own${String(index)}", [${String(rounds + 1)}])`);
      await pause(300);
      rig.proxy.mode = "refuse";
      rig.proxy.cut();
      await pause(200);
    }
    rig.proxy.mode = "pass";
    for (const page of pages) await page.read("probe.halley.connect()");
    await rig.expectAll(traffic, "chat.flap", ...pages);
    for (const [index, page] of pages.entries()) {
      const outcomes = await page.outcomes(16);
      expect(Object.values(outcomes).filter((outcome) => outcome !== "stored" && outcome !== "duplicate")).toEqual([]);
      await eventually(async () => (await page.received(`chat.own${String(index)}`)).length >= 16);
      expect((await page.received(`chat.own${String(index)}`)).toSorted((a, b) => a - b)).toEqual(countTo(16));
    }
  }, 60_000);
});

describe("a flood, in which a page changes its transport", () => {
  /** A tab that has fallen back to long-poll before, and looks for WebSocket again in a moment. */
  const FALLEN_BACK = "sessionStorage['halley.transport ' + location.origin] ??= JSON.stringify({ probeAtMs: Date.now() + 1_500, probes: 0 });";

  async function flood(channel: string): Promise<void> {
    const numbers = countTo(10_000);
    for (let start = 0; start < numbers.length; start += 500) await rig.publisher.publishBatch(numbers.slice(start, start + 500).map((number) => toChannel(channel, number)));
  }

  async function expectFlood(page: ProbePage, channel: string): Promise<void> {
    await eventually(async () => (await page.read<number>(`probe.received["${channel}"].length`)) >= 10_000, 20_000);
    expect(await page.received(channel)).toEqual(countTo(10_000));
    expect(new Set(await page.read<unknown[]>("probe.verdicts"))).toEqual(new Set([true]));
  }

  it("from long-poll to WebSocket comes in order, and its publishes are stored once", async () => {
    const page = await rig.open({ channels: ["chat.up", "chat.up-own"], before: FALLEN_BACK });
    const flooding = flood("chat.up");
    do {
      await page.read('probe.publishAll("chat.up-own", Array.from({ length: 5 }, () => (probe.newest = (probe.newest ?? 0) + 1)))');
      await pause(100);
    } while ((await page.read("probe.halley.transport")) !== "websocket");
    await flooding;
    expect((await page.read<string[]>("probe.states")).slice(0, 2)).toEqual(["connecting", "poll"]);
    await expectFlood(page, "chat.up");
    const count = await page.read<number>("probe.newest");
    await page.outcomes(count);
    await eventually(async () => (await page.received("chat.up-own")).length >= count);
    expect((await page.received("chat.up-own")).toSorted((a, b) => a - b)).toEqual(countTo(count));
  });

  it("from WebSocket to long-poll, when WebSockets open and die from now on, comes in order", async () => {
    const page = await rig.open({ channels: ["chat.down"], before: HASTY });
    expect(await page.read("probe.halley.transport")).toBe("websocket");
    const flooding = flood("chat.down");
    rig.proxy.mode = "open-and-die";
    rig.proxy.cut();
    await eventually(async () => (await page.read("probe.halley.transport")) === "poll");
    await flooding;
    await expectFlood(page, "chat.down");
  });
});
