import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OLDEST_SERVER } from "../../lib/bus/serverVersion.js";

/** What the script calls and every machine has. */
const TOOLS = ["dirname", "env", "sed"];

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "halley-require-"));
  for (const tool of TOOLS) symlinkSync(spawnSync("/bin/sh", ["-c", `command -v ${tool}`], { encoding: "utf8" }).stdout.trim(), join(folder, tool));
});
afterEach(() => { rmSync(folder, { recursive: true }); });

/** Adds a program that does this to the machine. */
function program(name: string, does: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${does}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Runs the script on a machine that has nothing else. */
function requirePrograms(what: string, env: Readonly<Record<string, string>> = {}): { readonly code: number | null; readonly stderr: string } {
  const { status, stderr } = spawnSync("/bin/sh", ["scripts/require.sh", what], { encoding: "utf8", env: { PATH: folder, ...env } });
  return { code: status, stderr };
}

describe("require.sh", () => {
  it.each([["nats", "nats-server"], ["chromium", "chromium"]])("%s: says what to install where it may not install", (what, name) => {
    program("id", "echo 1000");
    program("apt-get", "echo called >&2");
    expect(requirePrograms(what)).toEqual({ code: 1, stderr: `halley: ${name} is missing: install it (as root: apt-get install ${name})\n` });
  });

  it.each([["nats", "nats-server"], ["chromium", "chromium"]])("%s: says what to install where there is no apt-get", (what, name) => {
    program("id", "echo 0");
    expect(requirePrograms(what)).toEqual({ code: 1, stderr: `halley: ${name} is missing, and this is no Debian: install ${name} so that it is on PATH\n` });
  });

  it("says that an installation failed", () => {
    program("id", "echo 0");
    program("apt-get", "exit 100");
    const { code, stderr } = requirePrograms("chromium");
    expect([code, stderr.trim().split("\n").at(-1)]).toEqual([1, "halley: chromium could not be installed: apt-get install chromium failed"]);
  });

  it.each(["nats", "nats-to-run"])("%s: refuses a nats-server that is too old, named or on PATH", (what) => {
    const old = program("nats-server", 'echo "nats-server: v2.9.9"');
    const advice = `is version 2.9.9, at least ${OLDEST_SERVER} is needed: install a newer nats-server, or name one in HALLEY_NATS_SERVER`;
    expect(requirePrograms(what)).toEqual({ code: 1, stderr: `halley: nats-server ${advice}\n` });
    expect(requirePrograms(what, { HALLEY_NATS_SERVER: old })).toEqual({ code: 1, stderr: `halley: ${old} ${advice}\n` });
  });

  it.each([OLDEST_SERVER, "2.10.0", "3.0.0", "2.11.0-RC.1"])("takes nats-server %s", (version) => {
    program("nats-server", `echo "nats-server: v${version}"`);
    expect(requirePrograms("nats")).toEqual({ code: 0, stderr: "" });
  });

  it("refuses a named nats-server that is none", () => {
    expect(requirePrograms("nats", { HALLEY_NATS_SERVER: "/nowhere/nats-server" })).toEqual({
      code: 1, stderr: "halley: /nowhere/nats-server can't be run: install nats-server, or name one in HALLEY_NATS_SERVER\n",
    });
    const { code, stderr } = requirePrograms("nats", { HALLEY_NATS_SERVER: program("other", "echo hello") });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^halley: \S+ does not say its version like nats-server: [^\n]*\n$/)]);
  });

  it("needs no nats-server to run on a NATS that is named", () => {
    expect(requirePrograms("nats-to-run", { HALLEY_NATS_URL: "nats://127.0.0.1:4222" })).toEqual({ code: 0, stderr: "" });
  });

  it("refuses a Node.js that is missing or too old", () => {
    expect(requirePrograms("node")).toEqual({ code: 1, stderr: expect.stringMatching(/^halley: Node\.js is missing: install Node\.js 20 or newer[^\n]*\n$/) as unknown });
    program("node", 'if [ "$1" = -v ]; then echo v18.19.0; else echo 18; fi');
    expect(requirePrograms("node")).toEqual({ code: 1, stderr: expect.stringMatching(/^halley: Node\.js v18\.19\.0 is too old: [^\n]*\n$/) as unknown });
  });
});
