import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { identify } from "../processIdentity.js";
import { DevFolder, devEnvironment } from "./devFolder.js";

let path = "";
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), "halley-folder-")), ".halley");
});
afterEach(() => { rmSync(join(path, ".."), { recursive: true }); });

describe("DevFolder", () => {
  it("tells other commands with which settings it runs, and nobody else", () => {
    const folder = DevFolder.claim(path);
    folder.publish({ HALLEY_API_KEYS: "key" });
    expect(devEnvironment(path)).toEqual({ HALLEY_API_KEYS: "key" });
    expect(statSync(join(path, "dev.json")).mode & 0o777).toBe(0o600);
    folder.release();
    expect(devEnvironment(path)).toEqual({});
  });

  it("belongs to one living process", () => {
    DevFolder.claim(path);
    expect(() => DevFolder.claim(path)).toThrow(`${path} is in use by another halley dev (process ${String(process.pid)})`);
  });

  it.each([
    ["a process that has ended", () => JSON.stringify({ owner: { pid: 2 ** 22 + 1, started: "1" }, env: { A: "b" } })],
    ["another process that was given its pid", () => JSON.stringify({ owner: { pid: process.pid, started: `${identify(process.pid)?.started ?? ""}0` }, env: { A: "b" } })],
    ["a write that broke off", () => '{"owner":'],
  ])("is taken over from %s", (_, content) => {
    DevFolder.claim(path).release();
    writeFileSync(join(path, "dev.json"), content());
    expect(devEnvironment(path)).toEqual({});
    DevFolder.claim(path);
    expect(JSON.parse(readFileSync(join(path, "dev.json"), "utf8"))).toMatchObject({ owner: { pid: process.pid } });
  });
});
