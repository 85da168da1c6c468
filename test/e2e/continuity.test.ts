import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startBrowser } from "../helpers/browser.js";
import { eventually } from "../helpers/eventually.js";
import { type Installation, startInstallation, TEST_API_KEY } from "../helpers/installation.js";
import { TestPublisher, toChannel } from "../helpers/publishService.js";
import { startTcpProxy, type TcpProxy } from "../helpers/tcpProxy.js";
import { ProbePage, type ProbeOptions } from "./probePage.js";
import { countTo, Traffic } from "./traffic.js";

describe.each<{ name: string; transports: NonNullable<ProbeOptions["transports"]> }>([
  { name: "WebSocket", transports: ["websocket"] },
  { name: "long-poll", transports: ["poll"] },
])("over $name nothing is lost and nothing comes twice", ({ name, transports }) => {
  let installation: Installation;
  let browser: Browser;
  let publisher: TestPublisher;
  let proxy: TcpProxy;
  let page: ProbePage;
  let traffic: Traffic;

  beforeAll(async () => {
    browser = await startBrowser();
    installation = await startInstallation({ connectors: 2, demo: true });
    publisher = new TestPublisher(installation.publish.port, TEST_API_KEY);
    proxy = await startTcpProxy(installation.connectors[0]!.port);
  });

  afterEach(async () => {
    await page.close();
  });

  afterAll(async () => {
    await browser.close();
    publisher.close();
    await proxy.stop();
    await installation.stop();
  });

  async function start(channel: string): Promise<void> {
    page = await ProbePage.start(browser, proxy.port, { transports, channels: [channel] });
    traffic = new Traffic(publisher, channel);
    await traffic.flow(20);
  }

  async function expectAll(channel: string): Promise<void> {
    await traffic.flow(20);
    const sent = await traffic.stop();
    await eventually(async () => (await page.received(channel)).at(-1) === sent.at(-1), 20_000);
    expect(await page.received(channel)).toEqual(sent);
    expect(new Set(await page.read<unknown[]>("probe.verdicts"))).toEqual(new Set([true]));
  }

  it("when the connection is cut, again and again", async () => {
    await start("chat.cut");
    for (let cuts = 0; cuts < 5; cuts++) {
      proxy.cut();
      await traffic.flow(40);
    }
    await expectAll("chat.cut");
    // A cut between two polls goes unnoticed, as it may.
    if (transports.includes("websocket")) expect(await page.read("probe.states")).toContain("disconnected");
  });

  it("when the connector doesn't notice that the connection of a quiet page is cut", async () => {
    page = await ProbePage.start(browser, proxy.port, { transports, channels: ["chat.quiet"] });
    // Twice, because a browser repeats by itself a request that dies on a connection that had been used before.
    for (let cuts = 0; cuts < 2; cuts++) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      proxy.cutUnnoticed();
    }
    await eventually(async () => (await page.read<unknown[]>("probe.verdicts")).length >= 2);
    await publisher.publish(toChannel("chat.quiet", 1));
    await eventually(async () => (await page.received("chat.quiet")).length === 1);
    expect(new Set(await page.read<unknown[]>("probe.verdicts"))).toEqual(new Set([true]));
  });

  it("when the connector is restarted", async () => {
    await start("chat.restart");
    const [first] = installation.connectors;
    await first!.stop();
    await traffic.flow(20);
    await installation.addConnector({ port: first!.port });
    await expectAll("chat.restart");
  });

  it("when the page goes over to another connector", async () => {
    await start("chat.move");
    proxy.target = installation.connectors[1]!.port;
    proxy.cut();
    await traffic.flow(20);
    await expectAll("chat.move");
    proxy.target = installation.connectors[2]!.port;
  });

  it("when NATS goes away and comes back", async () => {
    await start("chat.nats");
    await installation.nats.stop();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await installation.nats.start();
    await expectAll("chat.nats");
    expect(await page.read<string>("probe.halley.state")).toBe("connected");
  });

  it(`when another client takes its positions over from ${name}`, async () => {
    await start("chat.heir");
    await page.read("probe.halley.close()");
    await traffic.flow(20);
    const positions = await page.read("probe.positions()");
    const other = transports[0] === "poll" ? "websocket" : "poll";
    await page.connect({ transports: [other], channels: ["chat.heir"], positions });
    await expectAll("chat.heir");
  });

  it("of 10,000 messages that come at once, in order", async () => {
    page = await ProbePage.start(browser, proxy.port, { transports, channels: ["chat.flood"] });
    const numbers = countTo(10_000);
    for (let start = 0; start < numbers.length; start += 1_000) {
      await publisher.publishBatch(numbers.slice(start, start + 1_000).map((number) => toChannel("chat.flood", number)));
    }
    await eventually(async () => (await page.read<number>("probe.received['chat.flood'].length")) >= numbers.length, 20_000);
    expect(await page.received("chat.flood")).toEqual(numbers);
  });

  it.each(["cut", "cutUnnoticed"] as const)("of what the page itself publishes while the connection is cut (%s)", async (how) => {
    const channel = `chat.own${how}`;
    page = await ProbePage.start(browser, proxy.port, { transports, channels: [channel] });
    await page.read(`void (probe.published = Promise.all(Array.from({ length: 200 }, (_, index) => probe.halley.publish('${channel}', index + 1))))`);
    proxy[how]();
    await page.read("probe.published.then(() => undefined)");
    await eventually(async () => (await page.received(channel)).length >= 200);
    const received = await page.received(channel);
    expect(received.toSorted((a, b) => a - b)).toEqual(countTo(200));
  });
});
