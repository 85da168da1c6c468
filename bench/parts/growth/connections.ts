import { setTimeout as pause } from "node:timers/promises";
import { StartedParts } from "../../../lib/lifecycle.js";
import { JWT_SECRET, startInstallation } from "../../installation/installation.js";
import type { SubscribersCommands } from "../../load/subscribers.js";
import type { Part } from "../../part.js";
import { stampedPayload } from "../../payload.js";
import { Child } from "../../process/child.js";
import { usageOf } from "../../process/usage.js";
import { median } from "../../statistics.js";
import { growthResult } from "./growthResult.js";

const CHANNEL = "bench.growth";
const SIZES = [1_000, 2_000, 5_000, 10_000, 15_000];
const QUICK_SIZES = [100, 200, 500];
const CONCURRENCY = 200;
const RUNS = 3;
/** What the connector has to do after so many connections have ended. */
const AFTERMATH_MS = 1_000;

/** More and more connections to one channel: what one of them costs, and one delivery. */
export const growthOfConnections: Part = {
  name: "growth-connections",
  title: "Growth: connections to one channel",
  async run(context) {
    const { quick, signal, say } = context;
    const parts = new StartedParts();
    try {
      const installation = await startInstallation(context);
      parts.add(installation, () => installation.stop());
      const subscribers = new Child<SubscribersCommands>({ name: "the load generator", module: new URL("../../load/subscribers.js", import.meta.url), signal });
      parts.add(subscribers, () => subscribers.stop());
      const { process, port } = installation.connector;
      const pids = { server: process.pid, nats: installation.natsPid };
      const deliveries: { size: number; value: number }[] = [];
      const arrivals: { size: number; value: number }[] = [];
      const runs: unknown[] = [];
      for (const size of quick ? QUICK_SIZES : SIZES) {
        say(`${String(size)} connections`);
        const before = usageOf(process.pid).cpuSeconds;
        await subscribers.ask("open", { crowd: "halley", port, connections: size, concurrency: CONCURRENCY, signIn: { secret: JWT_SECRET, channel: CHANNEL } });
        arrivals.push({ size, value: ((usageOf(process.pid).cpuSeconds - before) * 1e6) / size });
        await subscribers.ask("arm", { crowd: "halley", natsUrl: installation.natsUrl, subject: `halley.pub.${CHANNEL}`, payload: stampedPayload(0, 128) });
        const fan = { crowd: "halley", burst: 1, warmUpMs: 300, measureMs: quick ? 700 : 2_000, pids } as const;
        // The code must be warm before the first size, which all others are held against.
        if (deliveries.length === 0) await subscribers.ask("fanout", fan);
        const cpuUs: number[] = [];
        for (let run = 0; run < (quick ? 1 : RUNS); run++) {
          const measured = await subscribers.ask("fanout", fan);
          cpuUs.push(((measured.cpuSeconds["server"] ?? 0) * 1e6) / measured.deliveries);
          runs.push({ size, ...measured });
        }
        deliveries.push({ size, value: median(cpuUs) });
        await subscribers.ask("close", { crowd: "halley" });
        await pause(AFTERMATH_MS, undefined, { signal });
      }
      const curves = [
        { name: "CPU per delivery", unit: "us", points: deliveries },
        { name: "CPU per connect, sign-in and subscribe", unit: "us", points: arrivals },
      ];
      return growthResult({ name: "connections", title: "One channel, more and more connections", axis: "connections", curves, details: { runs } });
    } finally {
      await parts.stop();
    }
  },
};
