import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { findNatsBinary } from "./natsBinary.js";

const folder = mkdtempSync(join(tmpdir(), "halley-binary-"));
afterAll(() => { rmSync(folder, { recursive: true }); });

/** A program that says this version. */
function programSaying(name: string, words: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\necho '${words}'\n`);
  chmodSync(path, 0o755);
  return path;
}

describe("findNatsBinary", () => {
  it("finds the server of this machine and its version, also when PATH lacks the system programs", async () => {
    const { path, version } = await findNatsBinary(process.env["HALLEY_NATS_SERVER"], "/usr/bin:/bin:");
    expect(path).toContain("nats-server");
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it("takes the first one on PATH", async () => {
    const path = programSaying("nats-server", "nats-server: v2.11.0");
    expect(await findNatsBinary(undefined, `/nowhere:${folder}:/usr/sbin`)).toEqual({ path, version: "2.11.0" });
  });

  it.each(["2.9.9", "2.8.10", "1.99.99"])("refuses version %s", async (version) => {
    await expect(findNatsBinary(programSaying("old", `nats-server: v${version}`))).rejects.toThrow(`is version ${version}, at least 2.9.10 is needed`);
  });

  it.each(["2.9.10", "2.10.0-beta.1", "10.0.0"])("takes version %s", async (version) => {
    expect((await findNatsBinary(programSaying("new", `nats-server: v${version}`))).version).toBe(version.slice(0, 6).replace("-", ""));
  });

  it("says in a sentence that there is none, or that it can't be run", async () => {
    await expect(findNatsBinary("/nowhere/nats-server")).rejects.toThrow("/nowhere/nats-server can't be run: install it (Debian: apt-get install nats-server)");
    await expect(findNatsBinary(programSaying("other", "hello"))).rejects.toThrow("does not say its version");
  });
});
