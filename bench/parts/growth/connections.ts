import { setTimeout as pause } from "node:timers/promises";
import { StartedParts } from "../../../lib/lifecycle.js";
import { Audience } from "../../contenders/audience.js";
import { startHalley } from "../../contenders/halleyContender.js";
import type { Part } from "../../part.js";
import { stampedPayload } from "../../payload.js";
import { usageOf } from "../../process/usage.js";
import { median } from "../../statistics.js";
import { growthResult } from "./growthResult.js";

const CHANNEL = "bench.growth";
const SIZES = [1_000, 2_000, 5_000, 10_000, 15_000];
const QUICK_SIZES = [100, 200, 500];
const CONCURRENCY = 200;
const RUNS = 3;
const PAYLOAD_BYTES = 128;
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
      const halley = await startHalley(context);
      parts.add(halley, () => halley.stop());
      const { pid } = halley.installation.connector.process;
      const payload = stampedPayload(0, PAYLOAD_BYTES);
      const duration = { warmUpMs: 300, measureMs: quick ? 700 : 2_000 };
      const deliveries: { size: number; value: number }[] = [];
      const arrivals: { size: number; value: number }[] = [];
      const runs: unknown[] = [];
      for (const size of quick ? QUICK_SIZES : SIZES) {
        say(`${String(size)} connections`);
        const audience = new Audience(halley, { connections: size, concurrency: CONCURRENCY, channels: [CHANNEL] }, signal);
        parts.add(audience, () => audience.stop());
        const before = usageOf(pid).cpuSeconds;
        await audience.open();
        arrivals.push({ size, value: ((usageOf(pid).cpuSeconds - before) * 1e6) / size });
        // The code must be warm before the first size, which all others are held against.
        if (deliveries.length === 0) await audience.run({ payload, burst: 1 }, duration);
        const cpuUs: number[] = [];
        for (let run = 0; run < (quick ? 1 : RUNS); run++) {
          const measured = await audience.run({ payload, burst: 1 }, duration);
          cpuUs.push(((measured.cpuSeconds["server"] ?? 0) * 1e6) / measured.deliveries);
          runs.push({ size, ...measured });
        }
        deliveries.push({ size, value: median(cpuUs) });
        await audience.stop();
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
