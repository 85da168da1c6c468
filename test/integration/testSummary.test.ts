import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "halley-summary-"));
});
afterAll(() => { rmSync(folder, { recursive: true }); });

/** Runs tests with vitest, and gives what the summary of its report says. */
function summaryOf(name: string, source: string): { readonly lines: readonly string[]; readonly code: number | null } {
  writeFileSync(join(folder, `${name}.test.js`), source);
  const report = join(folder, `${name}.json`);
  const vitest = [resolve("node_modules/vitest/vitest.mjs"), "run", "--globals", "--reporter=json", `--outputFile=${report}`, `${name}.test.js`];
  const run = spawnSync(process.execPath, vitest, { cwd: folder, encoding: "utf8" });
  const summary = spawnSync(process.execPath, ["scripts/test-summary.mjs", report, String(run.status), "0"], { encoding: "utf8" });
  return { lines: summary.stdout.trim().split("\n"), code: summary.status };
}

describe("the summary of a test run", () => {
  it("counts, and names what was skipped before its last line", () => {
    const source = 'describe("from", () => { it("Node", () => {}); it.skip("Python (skipped: none here)"); it.skip("Go"); });';
    expect(summaryOf("skipping", source)).toEqual({ lines: ["2 skipped: from Python (skipped: none here); from Go", "1 passed, 0 failed"], code: 0 });
  });

  it("says nothing of skipped ones where there are none, and fails with a failure", () => {
    expect(summaryOf("failing", 'it("a", () => {}); it("b", () => { throw new Error("no"); });')).toEqual({ lines: ["1 passed, 1 failed"], code: 1 });
  });

  it("counts a suite that can't be loaded", () => {
    expect(summaryOf("broken", 'throw new Error("no");')).toEqual({ lines: ["0 passed, 1 failed"], code: 1 });
  });
});
