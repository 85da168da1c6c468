import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { devEnvironment } from "../../cli/dev/devFolder.js";
import { startBrowser } from "../helpers/browser.js";
import { eventually } from "../helpers/eventually.js";
import { type Dev, spawnHalley, startDevProcess } from "../helpers/halley.js";
import { buildWithGo, findPython } from "../helpers/toolchains.js";

const run = promisify(execFile);
const python = findPython();
const go = buildWithGo();

let dev: Dev;
let publishAddress = "";
let connectorUrl = "";
beforeAll(async () => {
  dev = await startDevProcess();
  const env = devEnvironment(dev.folder);
  publishAddress = `127.0.0.1:${env["HALLEY_PUBLISH_PORT"] ?? ""}`;
  connectorUrl = `http://127.0.0.1:${env["HALLEY_CONNECTOR_PORT"] ?? ""}`;
});
afterAll(() => dev.remove());

/** What arrives in `chat.lobby` while something is published. */
async function arrivesWhile(publish: () => Promise<unknown>): Promise<unknown> {
  const subscriber = spawnHalley(["subscribe", "chat.lobby", "--count", "1"], { HALLEY_DATA: dev.folder });
  await eventually(() => subscriber.stderr.includes("subscribed at"));
  await publish();
  return (JSON.parse((await subscriber.ended).stdout) as { data: unknown }).data;
}

describe("the README's first publish", () => {
  it("from Node", async () => {
    const publish = (): Promise<unknown> => run(process.execPath, ["examples/node/publish.mjs", publishAddress]);
    expect(await arrivesWhile(publish)).toEqual({ text: "hello from Node" });
  });

  if ("found" in python) {
    it("from Python", async () => {
      expect(await arrivesWhile(() => run(python.found, ["examples/python/publish.py", publishAddress]))).toEqual({ text: "hello from Python" });
    });
  } else it.skip(`from Python (skipped: ${python.missing})`);

  if ("found" in go) {
    it("from Go", async () => {
      expect(await arrivesWhile(() => run(go.found.example, [publishAddress]))).toEqual({ text: "hello from Go" });
    });

    it("from grpcurl", async () => {
      const command = readFileSync("examples/grpcurl.sh", "utf8").replace("127.0.0.1:50051", publishAddress);
      const env = { ...process.env, PATH: `${dirname(go.found.grpcurl)}:${process.env["PATH"] ?? ""}` };
      expect(await arrivesWhile(() => run("sh", ["-c", command], { env }))).toEqual({ text: "hello from grpcurl" });
    });
  } else it.skip(`from Go and grpcurl (skipped: ${go.missing})`);
});

describe("the README's first page", () => {
  let pages: Server;
  beforeAll(async () => {
    const html = readFileSync("examples/browser/index.html", "utf8").replaceAll("http://127.0.0.1:8080", connectorUrl);
    pages = createServer((_, response) => response.setHeader("content-type", "text/html").end(html)).listen(0, "127.0.0.1");
    await new Promise((resolve) => pages.once("listening", resolve));
  });
  afterAll(() => { pages.close(); });

  it("shows what is published, on another origin of this machine", async () => {
    const browser = await startBrowser();
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${String((pages.address() as AddressInfo).port)}/`);
    let number = 0;
    // The page says nowhere that it has subscribed: what was published before that doesn't come.
    await eventually(async () => {
      await dev.run("publish", "chat.lobby", JSON.stringify({ text: `number ${String(number += 1)}` }));
      return (await page.locator("#messages li").allTextContents()).some((text) => /^number \d+$/.test(text));
    }, 20_000);
    await browser.close();
  });
});
