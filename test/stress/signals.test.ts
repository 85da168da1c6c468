import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return "";
  }
}

/** The processes that `pid` has started, by id. */
function childrenOf(pid: number): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && commandOf(name).split(") ")[1]?.split(" ")[1] === String(pid));
}

describe("a run that is ended by a signal", () => {
  it("leaves no process behind, and says that it ended early", async () => {
    const run = spawn(process.execPath, ["dist/stress/main.js", "--only", "nothing goes wrong"], { stdio: ["ignore", "pipe", "ignore"] });
    let printed = "";
    run.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    const ended = once(run, "exit");
    // nats-server, the publish service and connectors.
    await eventually(() => childrenOf(run.pid ?? 0).length >= 3, 20_000);
    const children = childrenOf(run.pid ?? 0);
    run.kill("SIGTERM");
    await expect(ended).resolves.toEqual([143, null]);
    expect(printed).toContain("the run ended early (143)");
    await eventually(() => children.every((pid) => !/^\d+ \((nats-server|node)\) [^Z]/.test(commandOf(pid))));
  }, 40_000);
});
