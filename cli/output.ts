import { exitWithProblems } from "../lib/lifecycle.js";

/** Prints a line of the command's result. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Prints a remark that is not part of the result. */
export function remark(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Prints a table: columns as wide as their widest cell. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  for (const row of rows) print(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd());
}

/** Calls `then` when nobody reads standard output or standard error any more (`halley subscribe x | head -1`). */
export function onUnread(then: () => void): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      then();
    });
  }
}

/**
 * Makes a command's action: its failure is a sentence on standard error and an exit code (2 for a configuration, else 1). It
 * ends, quietly, when nobody reads its output.
 */
export function action<Arguments extends unknown[]>(run: (...given: Arguments) => Promise<void>): (...given: Arguments) => Promise<void> {
  return async (...given) => {
    onUnread(() => process.exit(0));
    try {
      await run(...given);
    } catch (error) {
      exitWithProblems(error);
    }
  };
}
