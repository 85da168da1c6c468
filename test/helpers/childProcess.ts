import type { ChildProcess } from "node:child_process";

const children = new Set<ChildProcess>();

/** Ends `child` with this process, however that ends, unless by SIGKILL. */
export function endWithParent<C extends ChildProcess>(child: C): C {
  if (children.size === 0) process.on("exit", killChildren);
  children.add(child);
  child.once("exit", () => {
    children.delete(child);
    if (children.size === 0) process.off("exit", killChildren);
  });
  return child;
}

/** Makes the usual signals end this process in order, so that nothing that it started stays behind. */
export function endOnSignals(): void {
  for (const [signal, number] of [["SIGINT", 2], ["SIGTERM", 15], ["SIGHUP", 1]] as const) process.once(signal, () => process.exit(128 + number));
}

/** Kills what `endWithParent` was told of and still runs. */
export function killChildren(): void {
  for (const child of children) child.kill("SIGKILL");
}
