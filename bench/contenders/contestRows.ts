import type { Run } from "../load/fanoutRun.js";
import type { Row } from "../part.js";
import { median } from "../statistics.js";
import { besides } from "./besides.js";
import type { Contested, Round, Variant } from "./contest.js";

/** The rows of a contest. Its bars: CPU per delivery as a multiple of the floor's, and below that of every peer. */
export function contestRows({ rounds }: Contested): Row[] {
  return [...rounds].flatMap(([variant, runs]) => rowsOf(variant, runs));
}

/** A contest's single runs and memory, for programs. */
export function contestDetails({ rounds, rssBytes }: Contested): Record<string, unknown> {
  return { runs: Object.fromEntries([...rounds].map(([{ name }, runs]) => [name, runs])), rssBytes };
}

function rowsOf({ name, atMost }: Variant, rounds: readonly Round[]): Row[] {
  const cpu = medians(rounds, (run) => cpuUs(run, "server"));
  return [
    { what: `${name}: CPU per delivery`, unit: "us", ...cpu, ratio: ratioToFloor(rounds), bar: { of: "ratio", atMost, belowPeers: true } },
    { what: `${name}: the same with nats-server's`, unit: "us", ...medians(rounds, (run) => cpuUs(run, "server") + cpuUs(run, "nats")) },
    { what: `${name}: deliveries`, unit: "/s", ...medians(rounds, ({ deliveries, seconds }) => deliveries / seconds) },
    { what: `${name}: CPU of the load generator`, unit: "us", ...medians(rounds, (run) => cpuUs(run, "load")) },
  ];
}

function cpuUs({ cpuSeconds, deliveries }: Run, process: string): number {
  return ((cpuSeconds[process] ?? 0) * 1e6) / deliveries;
}

/** The median of the ratios of runs that stood side by side. */
function ratioToFloor(rounds: readonly Round[]): number {
  return median(rounds.flatMap(({ halley, floor }) => (halley && floor ? [cpuUs(halley, "server") / cpuUs(floor, "server")] : [])));
}

/** Of every contender over its runs; peers take part in some rounds only. */
function medians(rounds: readonly Round[], figure: (run: Run) => number): Pick<Row, "value" | "beside"> {
  const names = [...new Set(["halley", "floor", ...rounds.flatMap((round) => Object.keys(round))])];
  const runs = Object.fromEntries(names.map((name) => [name, rounds.flatMap(({ [name]: run }) => (run ? [figure(run)] : []))]));
  return besides(runs, median);
}
