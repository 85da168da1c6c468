import { StartedParts } from "../../../lib/lifecycle.js";
import { PresenceTrial } from "../../load/presence/presenceTrial.js";
import type { Part } from "../../part.js";
import { growthResult } from "./growthResult.js";

/** Connectors that come at each step, and sessions of each: 1,000 sessions in all, then 10,000, and so on. */
const STEPS = [
  { connectors: 10, seats: 100 },
  { connectors: 10, seats: 900 },
  { connectors: 10, seats: 9_000 },
  { connectors: 10, seats: 90_000 },
  { connectors: 90, seats: 100_000 },
];
const QUICK_STEPS = 3;
/** Changes come from so many connectors, the newest, at every size: so heartbeats are alike. */
const CHANGING = 10;
const CHANGES_PER_SECOND = 20_000;
const QUERIES_PER_SECOND = 20;

/** More and more users on one presence replica: memory, questions, changes. */
export const growthOfUsers: Part = {
  name: "growth-users",
  title: "Growth: users online on one presence replica",
  async run(context) {
    const { quick, say } = context;
    const parts = new StartedParts();
    const memory: { size: number; value: number }[] = [];
    const questions: { size: number; value: number }[] = [];
    const changes: { size: number; value: number }[] = [];
    try {
      const trial = await PresenceTrial.start(context, parts);
      const empty = await trial.memory();
      for (const { connectors, seats } of quick ? STEPS.slice(0, QUICK_STEPS) : STEPS) {
        const { sessions: size } = await trial.load(connectors, seats, say);
        const { settledBytes } = await trial.memory();
        memory.push({ size, value: (settledBytes - empty.settledBytes) / size });
        const { p50Ms } = await trial.query({ forMs: quick ? 500 : 3_000, perSecond: QUERIES_PER_SECOND });
        questions.push({ size, value: p50Ms });
        const churn = await trial.churn({ changesPerSecond: CHANGES_PER_SECOND, forMs: quick ? 1_000 : 4_000, among: CHANGING });
        changes.push({ size, value: (churn.cpuSeconds * 1e6) / churn.changes });
      }
      const curves = [
        { name: "memory per session", unit: "B", points: memory },
        { name: "GetUsers of 1,000, p50", unit: "ms", points: questions },
        { name: "CPU per change", unit: "us", points: changes },
      ];
      return growthResult({ name: "users", title: "More and more users on one presence replica", axis: "users", curves });
    } finally {
      await parts.stop();
    }
  },
};
