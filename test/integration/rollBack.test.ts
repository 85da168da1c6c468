import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "nats";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type Installation, startInstallation } from "../helpers/installation.js";
import { startTcpProxy, type TcpProxy } from "../helpers/tcpProxy.js";
import { type TestPosition, WsClient } from "../helpers/wsClient.js";

const SUBJECT = "halley.pub.chat.roll";

/** A power cut takes what was acknowledged and not yet on the disk; so does a back-up that is put back. */
describe("a stream that is rolled back", () => {
  let installation: Installation;
  let proxy: TcpProxy;
  let backUp: string;
  let client: WsClient;
  let before: TestPosition;

  beforeEach(async () => {
    backUp = mkdtempSync(join(tmpdir(), "halley-back-up-"));
    installation = await startInstallation({ connectors: 0 });
    proxy = await startTcpProxy(installation.nats.port);
    const connector = await installation.addConnector({ natsUrls: [`nats://127.0.0.1:${String(proxy.port)}`] });
    ({ client } = await WsClient.connect(connector.port, "1"));
    before = (await client.subscribe("chat.roll")).position;
  });

  afterEach(async () => {
    client.cut();
    await installation.stop();
    await proxy.stop();
    rmSync(backUp, { recursive: true });
  });

  const heard = (): (number | string)[] =>
    client.frames.flatMap(({ publication, reset }): (number | string)[] => {
      if (reset !== undefined) return (reset as { channel: string }).channel === "chat.roll" ? [(reset as { reason: string }).reason] : [];
      const { channel, data } = (publication ?? {}) as { channel?: string; data?: { n: number } };
      return channel === "chat.roll" && data ? [data.n] : [];
    });
  const publish = async (from: number, to: number): Promise<void> => {
    const nats = await connect({ servers: installation.nats.url });
    const jetstream = nats.jetstream();
    for (let n = from; n <= to; n++) await eventually(() => jetstream.publish(SUBJECT, JSON.stringify({ n })));
    await nats.close();
  };
  /** Resolves when a tick has passed through the stream, and so to the connector. */
  const tick = async (): Promise<void> => {
    const nats = await connect({ servers: installation.nats.url });
    await new Promise<void>((resolve) => { nats.subscribe("halley.out.chat.$tick", { callback: () => { resolve(); } }); });
    await nats.close();
  };
  const copyWhileStopped = async (from: string, to: string): Promise<void> => {
    await installation.nats.stop();
    rmSync(to, { recursive: true, force: true });
    cpSync(from, to, { recursive: true });
    await installation.nats.start();
  };

  it.each([
    ["ends before what was seen", 0],
    ["has grown past it meanwhile", 60],
  ])("and %s: live clients are told, and what comes then reaches them", async (_name, grown) => {
    const store = installation.nats.storeFolder;
    await publish(1, 3);
    await eventually(() => heard().length === 3);
    await copyWhileStopped(store, backUp);
    await publish(4, 10);
    await eventually(() => heard().length === 10);
    await tick();

    proxy.mode = "refuse";
    proxy.cut();
    await copyWhileStopped(backUp, store);
    await publish(101, 100 + grown);
    proxy.mode = "pass";
    await eventually(() => heard().includes("HISTORY_CHANGED"));
    await publish(999, 999);
    await eventually(() => heard().includes(999));
    const after = heard().slice(10);
    expect(after.filter((what) => typeof what === "string")).toEqual(["HISTORY_CHANGED"]);
    expect(after.at(-1)).toBe(999);
    expect((await client.subscribe("chat.roll", before)).recovered).toBe(false);
    expect(client.frames.filter(({ disconnect }) => disconnect)).toEqual([]);
  });
});
