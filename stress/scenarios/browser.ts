import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { startBrowser } from "../../test/helpers/browser.js";
import { startTcpProxy, type TcpProxy } from "../../test/helpers/tcpProxy.js";
import { BrowserPage } from "../browser/browserPage.js";
import type { Scenario } from "../scenario.js";
import type { World } from "../world/world.js";

const CHANNELS = ["chat.a", "chat.b"];
const WORLD = { nats: "single", connectors: 3, env: { HALLEY_ALLOWED_ORIGINS: "loopback" }, limits: { pingIntervalMs: 2_000, pongMs: 2_000 } } as const;

/** Pages that connect by WebSocket only, by long-poll only, and as they like, through one proxy. */
async function openPages(world: World): Promise<{ readonly proxy: TcpProxy; readonly pages: readonly BrowserPage[] }> {
  const proxy = await startTcpProxy(world.random.pick(world.ports()));
  world.onLeave(() => proxy.stop());
  const site = createServer((_, response) => { response.setHeader("content-type", "text/html").end("<!doctype html><title>Halley</title>"); });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  world.onStop(() => { site.close(); });
  const browser = await startBrowser();
  world.onStop(() => browser.close());
  const pages: BrowserPage[] = [];
  for (const transports of [["websocket"], ["poll"], ["websocket", "poll"]] as const) {
    const page = await BrowserPage.open(browser, { user: `page${String(pages.length)}`, channels: CHANNELS, transports, port: proxy.port, ledger: world.ledger, site: `http://127.0.0.1:${String((site.address() as AddressInfo).port)}/` });
    world.take(page);
    pages.push(page);
  }
  return { proxy, pages };
}

/** Real pages in a real Chromium. */
export const browserScenarios: readonly Scenario[] = [
  {
    name: "browser: pages lose their connections and their connectors, and come back anywhere",
    fault: "connector killed", transport: "browser", history: "long", world: WORLD,
    async run(world) {
      const { proxy } = await openPages(world);
      await world.joinMany(4, { channels: CHANNELS });
      const traffic = world.traffic({ channels: CHANNELS, lanes: 2, everyMs: 5 });
      for (let rounds = 0; rounds < 8; rounds++) {
        await traffic.flow(60);
        const doomed = rounds % 4 === 3 ? world.connectors.find(({ port }) => port === proxy.target) : undefined;
        await doomed?.kill();
        proxy.target = world.random.pick(world.ports());
        // A connection that is kept leads where it led before.
        proxy.cut();
        await traffic.flow(60);
        await doomed?.start();
      }
      return undefined;
    },
  },
  {
    name: "browser: pages are offline in turn, behind lines that forget them, while connectors are deployed",
    fault: "offline", transport: "browser", history: "long", world: WORLD,
    async run(world) {
      const { proxy, pages } = await openPages(world);
      const traffic = world.traffic({ channels: CHANNELS, lanes: 2, everyMs: 5 });
      const faults: string[] = [];
      for (const connector of world.connectors) {
        const page = world.random.pick(pages);
        await page.goOnline(false);
        await traffic.flow(60);
        proxy.cutUnnoticed();
        proxy.target = world.connectors.find((other) => other !== connector)?.port ?? 0;
        const code = await connector.stop();
        if (code !== 0) faults.push(`${connector.name} exited with ${String(code)}`);
        await traffic.flow(60);
        await page.goOnline(true);
        await connector.start();
      }
      await traffic.flow(60);
      for (const { state } of pages) for (const reason of state.errors) faults.push(`the app of ${state.name} was told ${reason}`);
      return faults;
    },
  },
];
