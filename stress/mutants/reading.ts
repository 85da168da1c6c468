import type { Mutant } from "./mutant.js";

const CHANNEL = "services/connector/channel";

/** Faults in how a channel's history is read, and in what is taken for a proof that it is whole. */
export const READING_MUTANTS: readonly Mutant[] = [
  {
    name: "recovery: says that everything is proven",
    file: `${CHANNEL}/recoveryProof.ts`,
    find: "return olderStands || nothingRemoved;",
    replace: "return olderStands || !nothingRemoved || nothingRemoved;",
    caughtBy: ["a short history: those who were away"],
  },
  {
    name: "recovery: takes an empty channel for one that was always empty",
    file: `${CHANNEL}/channelReader.ts`,
    find: "return { last: Math.max(0, info.firstSequence - 1),",
    replace: "return { last: newest,",
    caughtBy: ["a history at the edge of its expiry"],
  },
  {
    name: "recovery: believes that a channel at its limit has lost nothing",
    file: `${CHANNEL}/recoveryProof.ts`,
    find: "count < limit)",
    replace: "count <= limit)",
    caughtBy: ["a short history"],
  },
  {
    name: "recovery: doesn't look where the stream begins",
    file: `${CHANNEL}/recoveryProof.ts`,
    find: "info.firstSequence <= offset + 1 &&",
    replace: "info.firstSequence >= 0 &&",
    caughtBy: ["a stream is full", "a history that expires", "a history at the edge of its expiry"],
  },
  {
    name: "newest: takes channels that are asked for together for empty",
    file: "lib/bus/newestOfMany.ts",
    find: "return { sequence: sequence ?? 0, seen };",
    replace: "return { sequence: 0, seen };",
    caughtBy: ["newest server: a connector's link to NATS is cut while one message comes for each"],
  },
  {
    name: "batch: begins one too late",
    file: "lib/bus/batchRange.ts",
    find: "{ seq: start,",
    replace: "{ seq: start + 2,",
    caughtBy: ["cluster: clients that were away for long"],
  },
  {
    name: "batch: loss on the way is not noticed",
    file: "lib/bus/directMany.ts",
    find: "if (read && !this.#follows(read.previous)) throw this.#lost();",
    replace: "",
    caughtBy: ["answers of NATS lose messages"],
    tries: 4,
  },
  {
    name: "anchor: believes any first message",
    file: "lib/bus/batchRange.ts",
    find: "return first?.sequence === from - 1 && first.stream === stream ?",
    replace: "return from > 0 && first?.stream === stream ?",
    caughtBy: ["newest server: a short history"],
  },
  {
    name: "recovery: believes positions of another history",
    file: `${CHANNEL}/storedChannel.ts`,
    find: "    if (epoch !== this.standing.epoch) return this.#lost();",
    replace: "",
    caughtBy: ["a stream is removed and made again"],
  },
  {
    name: "history: forgets the tail of a long stretch",
    file: "lib/bus/history.ts",
    find: "return { messages, readTo: last.sequence, anchor };",
    replace: "return { messages, readTo: range.to, anchor };",
    caughtBy: ["clients that were away for long"],
  },
];
