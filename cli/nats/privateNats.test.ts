import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../test/helpers/eventually.js";
import { identify } from "../processIdentity.js";
import { findNatsBinary } from "./natsBinary.js";
import { PrivateNats } from "./privateNats.js";

const binary = await findNatsBinary(process.env["HALLEY_NATS_SERVER"]);
let folder = "";
const running: PrivateNats[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "halley-nats-"));
});
afterEach(async () => {
  for (const nats of running.splice(0)) await nats.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: Partial<Parameters<typeof PrivateNats.start>[0]> = {}): Promise<PrivateNats> {
  const nats = await PrivateNats.start({ binary, folder, port: 0, onEnded: () => undefined, onFailed: () => undefined, ...options });
  running.push(nats);
  return nats;
}

const serverPid = (): number => Number(readFileSync(join(folder, "nats.pid"), "utf8"));

/** The first line that the server says. */
function greeting(url: string): Promise<string> {
  const { port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = createConnection(Number(port), "127.0.0.1");
    socket.once("error", reject);
    socket.once("data", (chunk) => {
      socket.destroy();
      resolve(chunk.toString("utf8"));
    });
  });
}

describe("PrivateNats", () => {
  it("runs a server with JetStream and room for 2 MB, and ends it", async () => {
    const nats = await start();
    const info = await greeting(nats.url);
    expect(info).toContain('"jetstream":true');
    expect(info).toContain('"max_payload":2097152');
    const pid = serverPid();
    expect(identify(pid)).toBeDefined();
    await nats.stop();
    expect(identify(pid)).toBeUndefined();
  });

  it("starts the server again, on the same port, when it dies", async () => {
    let told = 0;
    const nats = await start({ onEnded: () => { told += 1; } });
    const { url } = nats;
    const first = serverPid();
    process.kill(first, "SIGKILL");
    await eventually(async () => serverPid() !== first && (await greeting(url)).includes("INFO"));
    expect(nats.url).toBe(url);
    expect(told).toBe(1);
  });

  it("says in a sentence that the port is in use", async () => {
    const other = await start();
    const port = Number(new URL(other.url).port);
    const second = mkdtempSync(join(tmpdir(), "halley-nats-"));
    await expect(start({ folder: second, port })).rejects.toThrow(
      `port ${String(port)} on 127.0.0.1 is in use: set HALLEY_NATS_PORT (0 picks a free one), or HALLEY_NATS_URL to use the NATS that runs there`,
    );
    rmSync(second, { recursive: true });
  });

  it("says in a sentence where the log is when the server ends for another reason", async () => {
    writeFileSync(join(folder, "jetstream"), "a file where the streams' folder should be");
    await expect(start()).rejects.toThrow(/nats-server ended \(.*\): .*nats\.log holds its log/);
  });

  it("does not start beside a server that has the folder", async () => {
    const nats = await start();
    const pid = serverPid();
    let settled = false;
    const second = start().finally(() => { settled = true; });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(settled).toBe(false);
    await nats.stop();
    await second;
    expect(serverPid()).not.toBe(pid);
  });

  it("leaves no server when its process is killed", async () => {
    const script = `
      import { GuardedChild } from ${JSON.stringify(join(process.cwd(), "dist/cli/nats/guardedChild.js"))};
      new GuardedChild(${JSON.stringify(binary.path)}, ["-a", "127.0.0.1", "-p", "-1", "-P", ${JSON.stringify(join(folder, "nats.pid"))}]);
    `;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
    const pid = await eventually(() => serverPid());
    expect(identify(pid)).toBeDefined();
    parent.kill("SIGKILL");
    await eventually(() => identify(pid) === undefined);
  });
});
