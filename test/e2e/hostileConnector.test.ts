import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBrowser } from "../helpers/browser.js";
import { eventually } from "../helpers/eventually.js";
import { startHostileConnector } from "../helpers/hostileConnector.js";
import { Random } from "../../stress/random.js";
import { ProbePage } from "./probePage.js";

const SEED = Number(process.env["STRESS_SEED"] ?? Math.floor(Math.random() * 2 ** 31) + 1);
const HASTY = "const random = Math.random; Math.random = () => random() / 50;";

describe(`a page whose connector talks nonsense now and then (STRESS_SEED=${String(SEED)})`, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startBrowser();
  });

  afterAll(() => browser.close());

  it.each(["websocket", "poll"] as const)("survives it over %s: nothing throws, nothing is handed over twice, and it recovers", async (transport) => {
    const random = new Random(SEED);
    const connector = await startHostileConnector(() => random.next());
    const page = await ProbePage.start(browser, connector.port, { transports: [transport], channels: ["chat.lobby"], before: HASTY });
    const faults: string[] = [];
    page.page.on("pageerror", ({ message }) => faults.push(message));
    try {
      await eventually(() => connector.said > 250, 20_000);
      connector.isTame = true;
      const subscribe = 'probe.subscribed = new Promise((onSubscribed) => probe.halley.subscribe("chat.lobby", () => undefined, { onSubscribed }))';
      await page.read(`void (${subscribe}, probe.halley.connect())`);
      const count = await page.read<number>('probe.received["chat.lobby"].length');
      await eventually(async () => (await page.read<number>('probe.received["chat.lobby"].length')) > count + 10);
      expect(faults).toEqual([]);
      const received = (await page.received<unknown>("chat.lobby")).filter((data) => data !== -1);
      expect(received).toEqual([...new Set(received)]);
    } finally {
      await page.close();
      await connector.stop();
    }
  }, 40_000);
});
