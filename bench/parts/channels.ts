import { runContest, type Variant } from "../contenders/contest.js";
import { contestDetails, contestRows } from "../contenders/contestRows.js";
import type { Part } from "../part.js";

const CHANNELS = 1_000;
const PER_CHANNEL = 10;
const PAYLOAD_BYTES = 128;
/** The floor writes the same bytes to the same ten sockets each time. */
const VARIANTS: readonly Variant[] = [
  { name: "100 at a time, each to another channel", payloadBytes: PAYLOAD_BYTES, burst: 100, atMost: 1.3 },
  { name: "one message at a time", payloadBytes: PAYLOAD_BYTES, burst: 1, atMost: 1.3 },
];

/** Many channels with few subscribers each: what finding them costs the connector. */
export const channels: Part = {
  name: "channels",
  title: "Channels: 10,000 WebSockets on 1,000 channels, each 128-byte message to 10 of them",
  async run(context) {
    const { quick } = context;
    const count = quick ? CHANNELS / 10 : CHANNELS;
    const contested = await runContest(
      {
        // Of one length, so that messages are too.
        channels: Array.from({ length: count }, (_, channel) => `bench.channels.${String(channel).padStart(4, "0")}`),
        connections: count * PER_CHANNEL,
        concurrency: 200,
        variants: VARIANTS,
        ...(quick ? { rounds: 1, warmUpMs: 200, measureMs: 300 } : { rounds: 5, warmUpMs: 1_000, measureMs: 4_000 }),
      },
      context,
    );
    return { rows: contestRows(contested), details: contestDetails(contested) };
  },
};
