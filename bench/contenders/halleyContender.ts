import { JWT_SECRET, startInstallation, type WholeInstallation } from "../installation/installation.js";
import type { PartContext } from "../part.js";
import type { Contender } from "./contender.js";

/** Halley. Messages come straight from NATS, which stores them: what is measured is the connector. */
export interface HalleyContender extends Contender {
  readonly installation: WholeInstallation;
}

/** Starts NATS and the services. */
export async function startHalley(context: PartContext): Promise<HalleyContender> {
  const installation = await startInstallation(context);
  const { connector, natsPid, natsUrl } = installation;
  return {
    installation,
    name: "halley",
    port: connector.port,
    dialect: "halley",
    secret: JWT_SECRET,
    pids: { server: connector.process.pid, nats: natsPid },
    settle: async () => { await connector.process.ask("settle", undefined); },
    source: ({ channels, payload }) => Promise.resolve({ way: "nats", url: natsUrl, subjects: channels.map((channel) => `halley.pub.${channel}`), payload }),
    stop: () => installation.stop(),
  };
}
