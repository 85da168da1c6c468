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
/** Channels that are subscribed to at each size beside those that stay. */
const PROBES = 1_000;
const DELIVERIES = 3_000;
/** Channels that get messages, at most: each has had one before, since the first of a channel is another matter. */
const SPREAD = 1_000;

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
      await watchers.ask("deliver", { count, over: 1, payloadBytes: PAYLOAD_BYTES });
      await watchers.ask("probe", { count: PROBES, name: "warm" });
      await watchers.ask("leave", undefined);
      const emptyBytes = await settledBytes();
      for (const size of quick ? QUICK_SIZES : SIZES) {
        say(`${String(size)} channels`);
        await watchers.ask("grow", { to: size });
        const idle = usageOf(process.pid).cpuSeconds;
        await watchers.ask("probe", { count: PROBES, name: String(size) });
        subscribe?.push({ size, value: ((usageOf(process.pid).cpuSeconds - idle) * 1e6) / PROBES });
        await watchers.ask("leave", undefined);
        const over = Math.min(size, quick ? count / 3 : SPREAD);
        await watchers.ask("deliver", { count: over, over, payloadBytes: PAYLOAD_BYTES });
        const [before, natsBefore] = [usageOf(process.pid).cpuSeconds, usageOf(natsPid).cpuSeconds];
        await watchers.ask("deliver", { count, over, payloadBytes: PAYLOAD_BYTES });
        deliver?.push({ size, value: ((usageOf(process.pid).cpuSeconds - before) * 1e6) / count });
        nats?.push({ size, value: ((usageOf(natsPid).cpuSeconds - natsBefore) * 1e6) / count });
        publish?.push({ size, value: await publishCostUs(size, context, installation) });
      }
      const largest = (quick ? QUICK_SIZES : SIZES).at(-1) ?? NaN;
      const memory = { what: "memory of the connector per channel", unit: "KiB", value: ((await settledBytes()) - emptyBytes) / largest / 1_024 };
      const curves = [
        { name: "CPU of the connector per subscribe, to a channel that nobody has", unit: "us", points: subscribe ?? [] },
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
    const { cpuSeconds, messages } = await publishers.ask("rate", { way: "stream", warmUpMs: 1_500, measureMs: quick ? 1_000 : 3_000, pids: { publish: publish.process.pid, nats: natsPid } });
    return ((cpuSeconds["publish"] ?? 0) * 1e6) / messages;
  } finally {
    await publishers.stop();
  }
}
