import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";

/** What proc(5) says of a process, from its state (the third field) on; nothing where it is gone. */
function statOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").slice(1).join(") ").split(" ");
  } catch {
    return [];
  }
}

/** When a process began, in ticks since the machine did; undefined where it is gone, or only waits for its parent to look. */
function beganAt(pid: string): string | undefined {
  const stat = statOf(pid);
  return stat[0] === "Z" ? undefined : stat[19];
}

/** The processes that `pid` has started, by id, with when they began: ids are given again. */
function childrenOf(pid: number): Map<string, string> {
  const ids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && statOf(name)[1] === String(pid));
  return new Map(ids.map((id) => [id, beganAt(id) ?? ""]));
}

let folder: string;
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), "halley-signals-")); });
afterEach(() => { rmSync(folder, { recursive: true, force: true }); });

describe("a run that is ended by a signal", () => {
  it("leaves no process and no folder behind, and says that it ended early", async () => {
    const run = spawn(process.execPath, ["dist/stress/main.js", "--only", "nothing goes wrong"], { stdio: ["ignore", "pipe", "ignore"], env: { ...process.env, TMPDIR: folder } });
    // What the compiler of Node.js caches there stays, and may.
    const left = (): string[] => readdirSync(folder).filter((name) => name.startsWith("halley-"));
    let printed = "";
    run.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    const ended = once(run, "close");
    // nats-server, the publish service and connectors.
    await eventually(() => childrenOf(run.pid ?? 0).size >= 3, 20_000);
    const children = childrenOf(run.pid ?? 0);
    expect(left()).not.toEqual([]);
    run.kill("SIGTERM");
    await expect(ended).resolves.toEqual([143, null]);
    expect(printed).toContain("the run ended early (143)");
    expect(left()).toEqual([]);
    await eventually(() => [...children].every(([pid, began]) => beganAt(pid) !== began));
  }, 40_000);
});
