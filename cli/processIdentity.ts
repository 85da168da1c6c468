import { readFileSync } from "node:fs";

/** Names a process, also against a later one that was given the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it began, in the kernel's ticks; empty where the machine doesn't say. */
  readonly started: string;
}

/** Names a process; undefined when there is none with this pid. */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return undefined;
  }
  const fields = statOf(pid);
  return fields?.state === "Z" ? undefined : { pid, started: fields?.started ?? "" };
}

/** Whether the very process still lives. */
export function isAlive({ pid, started }: ProcessIdentity): boolean {
  return identify(pid)?.started === started;
}

/** The name of a process's program; undefined where the machine doesn't say. */
export function programOf(pid: number): string | undefined {
  return statOf(pid)?.program;
}

function statOf(pid: number): { program: string; state: string; started: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, "utf8");
    // The program's name stands in parentheses and may hold anything; fields 3 and 22 are the state and the start.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { program: stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")), state: fields[0] ?? "", started: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}
