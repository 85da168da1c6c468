import { StartedParts } from "../../../lib/lifecycle.js";
import { hasClusterServer, startNatsCluster } from "../../../test/helpers/natsCluster.js";
import type { InterestsCommands } from "../../load/interests.js";
import type { Part } from "../../part.js";
import { Child } from "../../process/child.js";
import { usageOf } from "../../process/usage.js";
import { growthResult } from "./growthResult.js";

const SIZES = [10_000, 100_000, 1_000_000];
const QUICK_SIZES = [1_000, 10_000];
const MESSAGES = 50_000;
const WARM_UP = 20_000;

/** More and more subjects that somebody has interest in: what they cost the nats-server that has the connection, and the one that only hears of them. */
export const growthOfInterest: Part = {
  name: "growth-interest",
  title: "Growth: subjects with interest, in a cluster of two nats-servers",
  async run({ quick, signal, say }) {
    if (!hasClusterServer) throw new Error("needs nats-server 2.11 or newer: scripts/require.sh nats-cluster");
    const parts = new StartedParts();
    const curves = {
      here: { name: "memory of the server with the connections, per subject", unit: "B", points: [] as { size: number; value: number }[] },
      there: { name: "memory of the other server, per subject", unit: "B", points: [] as { size: number; value: number }[] },
      subscribe: { name: "time until both know of a subject, many together", unit: "us", points: [] as { size: number; value: number }[] },
      message: { name: "CPU of both per message, from one to the other", unit: "us", points: [] as { size: number; value: number }[] },
    };
    try {
      const cluster = await startNatsCluster({ size: 2 });
      parts.add(cluster, () => cluster.remove());
      const [here, there] = cluster.nodes;
      if (!here || !there) throw new Error("the cluster has no two servers");
      const interests = new Child<InterestsCommands>({ name: "the interest", module: new URL("../../load/interests.js", import.meta.url), signal });
      parts.add(interests, () => interests.stop());
      const portOf = (url: string): number => Number(new URL(url).port);
      const [herePid, therePid] = [here.process.pid ?? 0, there.process.pid ?? 0];
      await interests.ask("start", { port: portOf(here.url), publishPort: portOf(there.url) });
      let size = 100;
      await interests.ask("grow", { to: size });
      await interests.ask("deliver", { count: WARM_UP });
      for (const next of quick ? QUICK_SIZES : SIZES) {
        say(`${String(next)} subjects`);
        const before = { here: usageOf(herePid), there: usageOf(therePid) };
        const seconds = await interests.ask("grow", { to: next });
        const after = { here: usageOf(herePid), there: usageOf(therePid) };
        const added = next - size;
        curves.here.points.push({ size: next, value: (after.here.rssBytes - before.here.rssBytes) / added });
        curves.there.points.push({ size: next, value: (after.there.rssBytes - before.there.rssBytes) / added });
        curves.subscribe.points.push({ size: next, value: (seconds * 1e6) / added });
        await interests.ask("deliver", { count: WARM_UP });
        const cpuBefore = usageOf(herePid).cpuSeconds + usageOf(therePid).cpuSeconds;
        await interests.ask("deliver", { count: MESSAGES });
        curves.message.points.push({ size: next, value: ((usageOf(herePid).cpuSeconds + usageOf(therePid).cpuSeconds - cpuBefore) * 1e6) / MESSAGES });
        size = next;
      }
      return growthResult({ name: "interest", title: "More and more subjects with interest", axis: "subjects", curves: Object.values(curves) });
    } finally {
      await parts.stop();
    }
  },
};
