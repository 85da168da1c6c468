import type { Browser } from "playwright-core";
import { expect } from "vitest";
import { startBrowser } from "../helpers/browser.js";
import { eventually } from "../helpers/eventually.js";
import { type Installation, startInstallation, TEST_API_KEY } from "../helpers/installation.js";
import { TestPublisher } from "../helpers/publishService.js";
import { startTcpProxy, type TcpProxy } from "../helpers/tcpProxy.js";
import { ProbePage, type ProbeOptions } from "./probePage.js";
import { Traffic } from "./traffic.js";

/** How often the connector of a rig pings over WebSocket. */
export const PING_MS = 1_000;

/** A browser, and a connector that it reaches through a bad network. */
export class PageRig {
  readonly browser: Browser;
  readonly installation: Installation;
  readonly proxy: TcpProxy;
  readonly publisher: TestPublisher;
  readonly #pages: ProbePage[] = [];

  private constructor(browser: Browser, installation: Installation, proxy: TcpProxy) {
    this.browser = browser;
    this.installation = installation;
    this.proxy = proxy;
    this.publisher = new TestPublisher(installation.publish.port, TEST_API_KEY);
  }

  /** The caller stops it. */
  static async start(): Promise<PageRig> {
    const browser = await startBrowser();
    const installation = await startInstallation({ demo: true, limits: { pingIntervalMs: PING_MS, pongMs: PING_MS } });
    return new PageRig(browser, installation, await startTcpProxy(installation.connectors[0]?.port ?? 0));
  }

  /** A page that is subscribed. */
  async open(options: ProbeOptions, port = this.proxy.port): Promise<ProbePage> {
    const page = await ProbePage.start(this.browser, port, options);
    this.#pages.push(page);
    return page;
  }

  /** Numbers on a channel, once some of them have flowed. */
  async traffic(channel: string): Promise<Traffic> {
    const traffic = new Traffic(this.publisher, channel);
    await traffic.flow(20);
    return traffic;
  }

  /** Ends the traffic; every page must have all of it, once, in order, and have been told so. */
  async expectAll(traffic: Traffic, channel: string, ...pages: readonly ProbePage[]): Promise<void> {
    await traffic.flow(20);
    const sent = await traffic.stop();
    for (const page of pages) {
      await eventually(async () => (await page.received(channel)).at(-1) === sent.at(-1), 20_000);
      expect(await page.received(channel)).toEqual(sent);
      expect(new Set(await page.read<unknown[]>("probe.verdicts"))).toEqual(new Set([true]));
    }
  }

  /** Stops the processes of all pages, as a machine that sleeps does; gives how to wake them. Nothing can be read meanwhile. */
  async freeze(): Promise<() => void> {
    const session = await this.browser.newBrowserCDPSession();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    const pids = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
    signal(pids, "SIGSTOP");
    return () => { signal(pids, "SIGCONT"); };
  }

  /** Ends the pages and the faults of one test. */
  async clear(): Promise<void> {
    Object.assign(this.proxy, { mode: "pass" });
    Object.assign(this.proxy.faults, { delayMs: 0, bytesPerSecond: 0, isChopped: false });
    for (const page of this.#pages.splice(0)) await page.close();
  }

  async stop(): Promise<void> {
    await this.browser.close();
    this.publisher.close();
    await this.proxy.stop();
    await this.installation.stop();
  }
}

/** Browsers keep a process in reserve, and end it when they like. */
function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}
