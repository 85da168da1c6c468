import { readFileSync } from "node:fs";

/** Linux counts CPU time for user space in hundredths of a second on every machine. */
const TICKS_PER_SECOND = 100;

/** What a process has used. */
export interface Usage {
  /** User and system, all threads, since it began. */
  readonly cpuSeconds: number;
  /** Resident memory at this moment. */
  readonly rssBytes: number;
}

/** One process, or several that count as one. */
export type Pids = number | readonly number[];

/** What several processes have used together. Memory that they share counts for each of them. */
export function usageOfAll(pids: Pids): Usage {
  const usages = (typeof pids === "number" ? [pids] : pids).map(usageOf);
  return { cpuSeconds: sum(usages.map(({ cpuSeconds }) => cpuSeconds)), rssBytes: sum(usages.map(({ rssBytes }) => rssBytes)) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** What a living process has used so far, by the kernel's books. Throws where there is none. */
export function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, "utf8");
  // The program's name stands in parentheses and may hold anything; fields 14 and 15 are the user and system time.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = readFileSync(`/proc/${String(pid)}/status`, "utf8");
  const residentKib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND, rssBytes: residentKib * 1_024 };
}

/** CPU seconds of several processes at one moment, by name. */
export function cpuOf<Name extends string>(pids: Readonly<Record<Name, Pids>>): Record<Name, number> {
  return Object.fromEntries(Object.entries<Pids>(pids).map(([name, of]) => [name, usageOfAll(of).cpuSeconds])) as Record<Name, number>;
}

/** What each has used since `before`, which `cpuOf` gave for the same processes. */
export function cpuSince<Name extends string>(before: Readonly<Record<Name, number>>, pids: Readonly<Record<Name, Pids>>): Record<Name, number> {
  const now = cpuOf(pids);
  return Object.fromEntries(Object.entries<number>(now).map(([name, seconds]) => [name, seconds - before[name as Name]])) as Record<Name, number>;
}
