import { StartedParts } from "../../../lib/lifecycle.js";
import { API_KEY, JWT_SECRET, startInstallation } from "../../installation/installation.js";
import type { ChannelWatchersCommands } from "../../load/channelWatchers.js";
import type { PublishersCommands } from "../../load/publishers.js";
import type { Part } from "../../part.js";
import { stampedPayload } from "../../payload.js";
import { Child } from "../../process/child.js";
import { usageOf } from "../../process/usage.js";
import { growthResult } from "./growthResult.js";

const SIZES = [1, 10, 100, 1_000, 10_000, 100_000];
const QUICK_SIZES = [1, 10, 100, 1_000];
const PAYLOAD_BYTES = 128;
const PROBES = 200;
const DELIVERIES = 3_000;

/** More and more channels on one connector: what a subscribe costs, a message, and a publish over gRPC. */
export const growthOfChannels: Part = {
  name: "growth-channels",
  title: "Growth: channels, one subscriber each",
  async run(context) {
    const { quick, signal, say } = context;
    const parts = new StartedParts();
    const [subscribe, deliver, publish, nats] = [[], [], [], []] as { size: number; value: number }[][];
    try {
      const installation = await startInstallation(context);
      parts.add(installation, () => installation.stop());
      const watchers = new Child<ChannelWatchersCommands>({ name: "the subscribers", module: new URL("../../load/channelWatchers.js", import.meta.url), signal });
      parts.add(watchers, () => watchers.stop());
      const { process, port } = installation.connector;
      const { natsUrl, natsPid } = installation;
      const settledBytes = async (): Promise<number> => {
        await process.ask("settle", undefined);
        return usageOf(process.pid).rssBytes;
      };
      await watchers.ask("start", { port, secret: JWT_SECRET, natsUrl });
      // The code must be warm before the first size, which all others are held against.
      await watchers.ask("grow", { to: 1 });
      const count = quick ? 300 : DELIVERIES;
      await watchers.ask("deliver", { count, payloadBytes: PAYLOAD_BYTES });
      await watchers.ask("probe", { count: PROBES, name: "warm" });
      const emptyBytes = await settledBytes();
      for (const size of quick ? QUICK_SIZES : SIZES) {
        say(`${String(size)} channels`);
        await watchers.ask("grow", { to: size });
        subscribe?.push({ size, value: (await watchers.ask("probe", { count: quick ? 50 : PROBES, name: String(size) })).p50Ms });
        const [before, natsBefore] = [usageOf(process.pid).cpuSeconds, usageOf(natsPid).cpuSeconds];
        await watchers.ask("deliver", { count, payloadBytes: PAYLOAD_BYTES });
        deliver?.push({ size, value: ((usageOf(process.pid).cpuSeconds - before) * 1e6) / count });
        nats?.push({ size, value: ((usageOf(natsPid).cpuSeconds - natsBefore) * 1e6) / count });
        publish?.push({ size, value: await publishCostUs(size, context, installation) });
      }
      const largest = (quick ? QUICK_SIZES : SIZES).at(-1) ?? NaN;
      const memory = { what: "memory of the connector per channel", unit: "KiB", value: ((await settledBytes()) - emptyBytes) / largest / 1_024 };
      const curves = [
        { name: "subscribe to a channel that nobody has, p50", unit: "ms", points: subscribe ?? [] },
        { name: "CPU of the connector per message, one by one", unit: "us", points: deliver ?? [] },
        { name: "CPU of nats-server per message, one by one", unit: "us", points: nats ?? [] },
        { name: "CPU of the publish service per message of a stream", unit: "us", points: publish ?? [] },
      ];
      return growthResult({ name: "channels", title: "More and more channels, one subscriber each", axis: "channels", curves, rows: [memory] });
    } finally {
      await parts.stop();
    }
  },
};

/** Of the publish service, for a message of one gRPC stream to so many channels in turn. They are others than those that are subscribed: it is the service that counts. */
async function publishCostUs(size: number, { quick, signal }: Parameters<Part["run"]>[0], { publish, natsUrl, natsPid }: Awaited<ReturnType<typeof startInstallation>>): Promise<number> {
  const publishers = new Child<PublishersCommands>({ name: "the publisher", module: new URL("../../load/publishers.js", import.meta.url), signal });
  try {
    const channels = Array.from({ length: size }, (_, index) => `bench.publish.${String(index)}`);
    await publishers.ask("start", { publishPort: publish.port, apiKey: API_KEY, natsUrl, channels, payload: stampedPayload(0, PAYLOAD_BYTES) });
    const { cpuSeconds, messages } = await publishers.ask("rate", { way: "stream", warmUpMs: 500, measureMs: quick ? 500 : 2_500, pids: { publish: publish.process.pid, nats: natsPid } });
    return ((cpuSeconds["publish"] ?? 0) * 1e6) / messages;
  } finally {
    await publishers.stop();
  }
}
