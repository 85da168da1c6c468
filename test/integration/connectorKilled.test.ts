import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { eventually } from "../helpers/eventually.js";
import { FREE_PORTS, type RunningHalley, spawnHalley } from "../helpers/halley.js";
import { type Installation, startInstallation, TEST_API_KEY, TEST_JWT_SECRET, TEST_NAMESPACES } from "../helpers/installation.js";
import { PollClient } from "../helpers/pollClient.js";
import { PresenceClient, type Watch } from "../helpers/presenceService.js";
import { WsClient } from "../helpers/wsClient.js";

interface WatchEvent {
  readonly event: "current" | "synced" | "joined" | "left";
  readonly joined?: { readonly user_id: string };
  readonly left?: { readonly user_id: string };
}

describe("a connector that is killed", () => {
  let folder: string;
  let installation: Installation;
  let doomed: RunningHalley;
  let doomedPort: number;
  let presence: PresenceClient;
  let watch: Watch<WatchEvent>;

  beforeAll(async () => {
    installation = await startInstallation({ presence: true });
    folder = mkdtempSync(join(tmpdir(), "halley-killed-"));
    writeFileSync(join(folder, "halley.yaml"), stringify(TEST_NAMESPACES));
    doomed = spawnHalley(["serve", "connector"], {
      ...FREE_PORTS,
      HALLEY_HOST: "127.0.0.1",
      HALLEY_NATS_URL: installation.nats.url,
      HALLEY_CONFIG: join(folder, "halley.yaml"),
      HALLEY_JWT_SECRET: TEST_JWT_SECRET,
      HALLEY_SCHEMAS: "examples/schemas",
    });
    doomedPort = await eventually(() => {
      if (doomed.process.exitCode !== null) throw new Error(`the connector ended: ${doomed.stderr}`);
      if (!doomed.stderr.includes("connector is ready")) return undefined;
      return Number(/"port":(\d+)/.exec(doomed.stderr)?.[1]);
    }, 20_000);
    presence = new PresenceClient(installation.presence!.port, TEST_API_KEY);
    watch = presence.watch<WatchEvent>("WatchPresence", {});
  });

  afterAll(async () => {
    doomed.process.kill("SIGKILL");
    presence.close();
    await installation.stop();
    rmSync(folder, { recursive: true });
  });

  it("takes its users offline within 15 s, but nobody who came back, who never flickers, and nothing is lost", async () => {
    const survivor = installation.connectors[0]!.port;
    const { client: gone } = await WsClient.connect(doomedPort, "gone");
    const { client: back, connected } = await WsClient.connect(doomedPort, "back");
    const { position } = await back.subscribe("chat.kill");
    const { client: publisher } = await WsClient.connect(survivor, "publisher");
    const poller = new PollClient("poller");
    await poller.poll(doomedPort, [{ id: 1, subscribe: { channel: "chat.kill" } }]);
    await eventually(() => watch.heard.filter(({ event }) => event === "joined").length === 4);

    doomed.process.kill("SIGKILL");
    const killedAtMs = performance.now();
    await Promise.all([gone.closed(), back.closed()]);
    await publisher.ask({ publish: { channel: "chat.kill", data: { n: 1 } } });
    const { client: again } = await WsClient.connect(survivor, "back", { session: connected.session });
    expect(await again.subscribe("chat.kill", position)).toMatchObject({ recovered: true, publications: [{ data: { n: 1 } }] });
    const keepPolling = { on: true };
    const polls = (async () => {
      while (keepPolling.on) await poller.poll(survivor, [], 1_000);
    })();

    await eventually(() => watch.heard.some(({ event, left }) => event === "left" && left?.user_id === "gone"), 16_000);
    expect(performance.now() - killedAtMs).toBeLessThan(15_000);
    // The lease of all of them has ended with that of `gone`.
    expect(watch.heard.filter(({ event }) => event === "left").map(({ left }) => left?.user_id)).toEqual(["gone"]);
    const { users } = await presence.call<{ users: { user_id: string; online: boolean }[] }>("GetUsers", { user_ids: ["gone", "back", "poller"] });
    expect(users.map(({ online }) => online)).toEqual([false, true, true]);
    expect(poller.publications("chat.kill")).toMatchObject([{ data: { n: 1 } }]);
    keepPolling.on = false;
    await polls;
    again.cut();
    publisher.cut();
  }, 60_000);
});
