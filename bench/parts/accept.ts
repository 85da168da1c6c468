import { setTimeout as pause } from "node:timers/promises";
import { Audience } from "../contenders/audience.js";
import { besides } from "../contenders/besides.js";
import type { Contender } from "../contenders/contender.js";
import { startFloor } from "../contenders/floorContender.js";
import { startHalley } from "../contenders/halleyContender.js";
import type { Arrival } from "../load/crowd.js";
import type { Part, PartContext, PartResult, Row } from "../part.js";
import { presentPeers } from "../peers/all.js";
import { cpuOf, cpuSince } from "../process/usage.js";
import { median } from "../statistics.js";

const CONNECTIONS = 10_000;
const CHANNELS = ["bench.accept"];
/** Connections that are being opened at a time. */
const CONCURRENCY = 200;
/** The same after a cut: everybody is in a hurry then. */
const CONCURRENCY_AFTER_CUT = 1_000;
/** Published while Halley's clients are cut off; the others' would not get them. */
const MISSED = 3;
/** The server's work for connections that are gone is over by then, and their ports are free. */
const REST_MS = 3_000;

/** How all came, once. */
interface Coming extends Arrival {
  /** Of the server's processes and, as `load`, of the load generator. */
  readonly cpuSeconds: Readonly<Record<string, number>>;
}

/** The runs of one contender. */
interface Comings {
  readonly first: readonly Coming[];
  readonly afterCut: readonly Coming[];
}

/** Many WebSockets that come at once: how fast a connector takes them, for the first time, and after all were cut off. */
export const accept: Part = {
  name: "accept",
  title: "Accept: 10,000 WebSockets connect, sign in and subscribe, and come back to their positions after a cut",
  async run(context) {
    const connections = context.quick ? 500 : CONNECTIONS;
    const measured: Record<string, Comings> = {};
    const starts = [() => startHalley(context), () => startFloor(context.signal), ...(await presentPeers(context.say)).map((peer) => () => peer.start(context))];
    for (const start of starts) {
      const contender = await start();
      try {
        context.say(contender.name);
        measured[contender.name] = await measure(contender, connections, context);
      } finally {
        await contender.stop();
      }
    }
    return resultOf(measured, connections);
  },
};

async function measure(contender: Contender, connections: number, { quick, signal }: PartContext): Promise<Comings> {
  const audience = new Audience(contender, { connections, concurrency: CONCURRENCY, channels: CHANNELS }, signal);
  const comings: { first: Coming[]; afterCut: Coming[] } = { first: [], afterCut: [] };
  const missed = contender.dialect === "halley" ? MISSED : 0;
  const restMs = quick ? 100 : REST_MS;
  try {
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      comings.first.push(await timed(contender, audience, () => audience.open()));
      await pause(restMs, undefined, { signal });
      comings.afterCut.push(await timed(contender, audience, () => audience.comeBack(CONCURRENCY_AFTER_CUT, missed)));
      await audience.close();
      await pause(restMs, undefined, { signal });
    }
    return comings;
  } finally {
    await audience.stop();
  }
}

async function timed({ pids }: Contender, audience: Audience, work: () => Promise<Arrival>): Promise<Coming> {
  const processes = { ...pids, load: audience.process.pid };
  const before = cpuOf(processes);
  const arrival = await work();
  return { ...arrival, cpuSeconds: cpuSince(before, processes) };
}

function resultOf(measured: Readonly<Record<string, Comings>>, connections: number): PartResult {
  const rowsOf = (what: string, kind: keyof Comings, bar?: Row["bar"]): Row[] => {
    const row = (name: string, unit: string, figure: (of: Coming) => number): Row => ({ what: `${what}: ${name}`, unit, ...besides(measured, (comings) => median(comings[kind].map(figure))) });
    return [
      { ...row("connections", "/s", ({ seconds }) => connections / seconds), ...(bar && { bar }) },
      row("one of them, p99", "ms", ({ p99Ms }) => p99Ms),
      row("CPU of the server for each", "us", ({ cpuSeconds }) => ((cpuSeconds["server"] ?? NaN) * 1e6) / connections),
      row("CPU of the load generator for each", "us", ({ cpuSeconds }) => ((cpuSeconds["load"] ?? NaN) * 1e6) / connections),
    ];
  };
  return { rows: [...rowsOf("first", "first", { of: "value", atLeast: 2_500 }), ...rowsOf("after a cut", "afterCut")], details: { connections, measured } };
}
