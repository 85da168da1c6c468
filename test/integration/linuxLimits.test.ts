import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { FREE_PORTS } from "../helpers/halley.js";

describe("a connector on a machine whose limits are too small", () => {
  it.skipIf(process.platform !== "linux")("says so when it starts, and starts (Linux only)", async () => {
    // Nothing listens there: what it says comes before NATS.
    const env = { PATH: process.env["PATH"] ?? "", ...FREE_PORTS, HALLEY_NATS_URL: "nats://127.0.0.1:1", HALLEY_JWT_SECRET: "a secret of thirty-two characters" };
    const connector = spawn("sh", ["-c", 'ulimit -n 1000 && exec "$0" "$@"', process.execPath, resolve("cli/halley.mjs"), "serve", "connector"], { env, stdio: ["ignore", "ignore", "pipe"] });
    let log = "";
    connector.stderr.on("data", (chunk: Buffer) => { log += chunk.toString("utf8"); });
    const ended = once(connector, "close");
    try {
      await eventually(() => log.includes("connector listens"), 20_000);
      expect(log).toContain("at most 1000 files may be open, and 18,000 connections need 19,100: raise it");
    } finally {
      connector.kill("SIGTERM");
    }
    expect(await ended).toEqual([0, null]);
  }, 40_000);
});
