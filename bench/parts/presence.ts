import { StartedParts } from "../../lib/lifecycle.js";
import { PresenceTrial } from "../load/presence/presenceTrial.js";
import type { Part, PartResult } from "../part.js";
import { median } from "../statistics.js";

/** How large it is. */
interface Size {
  readonly connectors: number;
  readonly seats: number;
  readonly churnMs: number;
  readonly quietMs: number;
  readonly resyncs: number;
}

const WHOLE: Size = { connectors: 100, seats: 100_000, churnMs: 20_000, quietMs: 5_000, resyncs: 3 };
const QUICK: Size = { connectors: 100, seats: 2_000, churnMs: 3_000, quietMs: 1_000, resyncs: 1 };
const CHANGES_PER_SECOND = 20_000;
const QUERIES_PER_SECOND = 20;

/** Ten million sessions on one presence replica: memory, CPU while they come and go, bulk queries, a lost heartbeat. */
export const presence: Part = {
  name: "presence",
  title: "Presence: 10 million sessions of 100 connectors on one replica, 20,000 changes a second",
  async run(context) {
    const parts = new StartedParts();
    const { connectors, seats, churnMs, quietMs, resyncs } = context.quick ? QUICK : WHOLE;
    try {
      const trial = await PresenceTrial.start(context, parts);
      const empty = await trial.memory();
      const loading = await trial.load(connectors, seats, context.say);
      const loaded = await trial.memory();
      context.say("questions while nothing changes");
      // The first ones wait for the connection, and for code to be compiled.
      await trial.query({ forMs: quietMs, perSecond: QUERIES_PER_SECOND });
      const quiet = await trial.query({ forMs: quietMs, perSecond: QUERIES_PER_SECOND });
      context.say(`${String(CHANGES_PER_SECOND)} changes a second`);
      const churn = await trial.churn({ changesPerSecond: CHANGES_PER_SECOND, forMs: churnMs });
      context.say("the same with questions");
      const asked = await trial.query({ forMs: churnMs, perSecond: QUERIES_PER_SECOND, changesPerSecond: CHANGES_PER_SECOND });
      context.say("the same, half of the users offline");
      const mixed = await trial.query({ forMs: churnMs / 2, perSecond: QUERIES_PER_SECOND / 5, changesPerSecond: CHANGES_PER_SECOND, halfOffline: true });
      context.say("heartbeats get lost");
      const resyncMs: number[] = [];
      for (let index = 0; index < resyncs; index++) resyncMs.push(await trial.resync(index));
      const after = await trial.memory();
      const { profiles, say } = context;
      if (profiles !== undefined) await trial.profile(`${profiles}/presence-questions-and-changes.cpuprofile`, { forMs: 10_000, perSecond: QUERIES_PER_SECOND, changesPerSecond: CHANGES_PER_SECOND }, say);
      return resultOf({ empty, loading, loaded, quiet, churn, asked, mixed, resyncMs, after });
    } finally {
      await parts.stop();
    }
  },
};

/** What was measured. */
interface Measured {
  readonly empty: Awaited<ReturnType<PresenceTrial["memory"]>>;
  readonly loading: Awaited<ReturnType<PresenceTrial["load"]>>;
  readonly loaded: Awaited<ReturnType<PresenceTrial["memory"]>>;
  readonly quiet: Awaited<ReturnType<PresenceTrial["query"]>>;
  readonly churn: Awaited<ReturnType<PresenceTrial["churn"]>>;
  readonly asked: Awaited<ReturnType<PresenceTrial["query"]>>;
  readonly mixed: Awaited<ReturnType<PresenceTrial["query"]>>;
  readonly resyncMs: readonly number[];
  readonly after: Awaited<ReturnType<PresenceTrial["memory"]>>;
}

function resultOf(measured: Measured): PartResult {
  const { empty, loading, loaded, quiet, churn, asked, mixed, resyncMs, after } = measured;
  const perSession = (bytes: number): number => bytes / loading.sessions;
  return {
    rows: [
      { what: "sessions", unit: "", value: loading.sessions },
      { what: "memory per session, settled", unit: "B", value: perSession(loaded.settledBytes - empty.settledBytes), bar: { of: "value", atMost: 125 } },
      { what: "memory per session, just arrived", unit: "B", value: perSession(loaded.arrivedBytes - empty.settledBytes) },
      { what: "memory per session, settled, after the changes", unit: "B", value: perSession(after.settledBytes - empty.settledBytes) },
      { what: "sessions taken in by snapshots", unit: "/s", value: loading.sessions / loading.seconds },
      { what: "changes told", unit: "/s", value: churn.changes / churn.seconds },
      { what: "CPU at this rate", unit: "cores", value: churn.cpuSeconds / churn.seconds, bar: { of: "value", atMost: 0.75 } },
      { what: "CPU per change", unit: "us", value: (churn.cpuSeconds * 1e6) / churn.changes },
      { what: "GetUsers of 1,000, nothing changes, p50", unit: "ms", value: quiet.p50Ms },
      { what: "GetUsers of 1,000, nothing changes, p99", unit: "ms", value: quiet.p99Ms },
      { what: "GetUsers of 1,000, with changes, p50", unit: "ms", value: asked.p50Ms },
      { what: "GetUsers of 1,000, with changes, p99", unit: "ms", value: asked.p99Ms, bar: { of: "value", atMost: 5 } },
      { what: "the same, not answered within 20 s, or refused", unit: "", value: asked.unanswered },
      { what: "the same, 500 of them offline, p99", unit: "ms", value: mixed.p99Ms },
      { what: "a connector's sessions anew after a lost heartbeat", unit: "ms", value: median(resyncMs), bar: { of: "value", atMost: 1_000 } },
    ],
    details: { ...measured },
  };
}
