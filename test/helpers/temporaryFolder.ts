import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killChildren } from "./childProcess.js";

const folders = new Set<string>();

/**
 * Makes a folder whose name begins with `halley-<name>-`. Whoever asks for it gives it to `removeFolder`; with this
 * process it goes in any case, unless that ends by SIGKILL.
 */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `halley-${name}-`));
  if (folders.size === 0) process.on("exit", removeAll);
  folders.add(folder);
  return folder;
}

/** Removes a folder of `temporaryFolder`, and what is in it. */
export function removeFolder(folder: string): void {
  // A process that has just been killed may still have put a file into it.
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  folders.delete(folder);
  if (folders.size === 0) process.off("exit", removeAll);
}

function removeAll(): void {
  // They would go on writing.
  killChildren();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
}
