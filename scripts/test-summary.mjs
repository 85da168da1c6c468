// Prints `N passed, N failed` of a vitest JSON report and exits with 1 unless everything passed:
// test-summary.mjs REPORT TEST_EXIT_CODE CHECK_EXIT_CODE. What stands in no test counts as one failure each: a suite that
// could not be loaded, a run that crashed or left no report, a failed `make check`. Skipped tests, if any, are named in a
// line before it.
import { readFileSync } from "node:fs";

const [report, testCode, checkCode] = process.argv.slice(2);

function readCounts(path) {
  try {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(path, "utf8"));
    const isBroken = ({ status, assertionResults }) => status === "failed" && !assertionResults.some((one) => one.status === "failed");
    const ran = ({ status }) => status === "passed" || status === "failed";
    const skipped = testResults.flatMap(({ assertionResults }) => assertionResults.filter((one) => !ran(one)).map((one) => one.fullName.trim()));
    return { passed: numPassedTests, failed: numFailedTests + testResults.filter(isBroken).length, skipped };
  } catch {
    return { passed: 0, failed: 0, skipped: [] };
  }
}

let { passed, failed, skipped } = readCounts(report);
if (testCode !== "0" && failed === 0) failed += 1;
if (testCode === "0" && passed === 0) failed += 1;
if (checkCode !== "0") {
  process.stdout.write("make check failed: counted as one failure\n");
  failed += 1;
}
if (skipped.length > 0) process.stdout.write(`${skipped.length} skipped: ${skipped.join("; ")}\n`);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
