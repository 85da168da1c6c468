import { type Contested, type ContestOptions, runContest, type Variant } from "../contenders/contest.js";
import { contestDetails, contestRows } from "../contenders/contestRows.js";
import type { Part, PartContext, Row } from "../part.js";

const CHANNELS = ["bench.fanout"];
const RHYTHMS = [
  { rhythm: "one by one", burst: 1, atMost: 1.15 },
  { rhythm: "bursts of 10", burst: 10, atMost: 1.3 },
  { rhythm: "bursts of 100", burst: 100, atMost: 1.3 },
] as const;

/** One channel, many WebSockets: what a delivery costs the connector, beside bare sockets that write the same bytes, and peers. */
export const fanout: Part = {
  name: "fanout",
  title: "Fan-out: one channel, 1,000 and 10,000 WebSockets, messages of 128 bytes and 1 KB",
  async run(context) {
    const few = await runContest(optionsFor("1,000", context), context);
    const many = await runContest(optionsFor("10,000", context), context);
    return {
      rows: [...contestRows(few), ...contestRows(many), memoryRow(few, "1,000"), memoryRow(many, "10,000")],
      details: { few: contestDetails(few), many: contestDetails(many) },
    };
  },
};

/** With 10,000 connections fewer variants: bursts of 100 there are a million deliveries each. */
function optionsFor(connections: "1,000" | "10,000", { quick }: PartContext): ContestOptions {
  const isFew = connections === "1,000";
  const variants = isFew ? [...variantsOf(connections, "128 B", 128), ...variantsOf(connections, "1 KB", 1_024)] : variantsOf(connections, "128 B", 128).slice(0, 2);
  const durations = quick ? { rounds: 1, warmUpMs: 50, measureMs: 100 } : { rounds: 5, warmUpMs: 500, measureMs: isFew ? 2_500 : 3_500 };
  return { variants, ...durations, connections: (isFew ? 1_000 : 10_000) / (quick ? 5 : 1), concurrency: 200, channels: CHANNELS };
}

function variantsOf(connections: string, size: string, payloadBytes: number): Variant[] {
  return RHYTHMS.map(({ rhythm, burst, atMost }) => ({ name: `${connections} x ${size}, ${rhythm}`, payloadBytes, burst, atMost }));
}

function memoryRow({ rssBytes: { halley = NaN, ...others } }: Contested, connections: string): Row {
  const mebibytes = (bytes: number): number => bytes / 2 ** 20;
  return { what: `${connections} connections: memory of the server`, unit: "MiB", value: mebibytes(halley), beside: Object.fromEntries(Object.entries(others).map(([name, bytes]) => [name, mebibytes(bytes)])) };
}
