import { fetchMessage } from "../../lib/bus/fetchMessage.js";
import { streamOf } from "../../lib/bus/subjects.js";
import { namespaceOf } from "../../lib/channel/channelName.js";
import { ChannelRecord } from "../clients/record.js";
import { isWithoutHistory } from "../world/ledger.js";
import type { World } from "../world/world.js";
import type { Person } from "./crowd.js";

const LOOKED_AT = 20;

/** What became of acknowledged messages that never came, by reading the stream back: whether JetStream itself has them. */
export async function explainLosses(world: World, people: readonly Person[]): Promise<string[]> {
  const missing = new Map<string, { readonly channel: string; readonly offset: number; people: number }>();
  for (const { client } of people) {
    for (const record of client.state.records.values()) {
      if (!(record instanceof ChannelRecord)) continue;
      for (const offset of record.missing(world.ledger.of(record.channel))) {
        const key = `${record.channel} ${String(offset)}`;
        const found = missing.get(key) ?? { channel: record.channel, offset, people: 0 };
        found.people += 1;
        missing.set(key, found);
      }
    }
  }
  const lines: string[] = [];
  for (const { channel, offset, people: count } of [...missing.values()].slice(0, LOOKED_AT)) lines.push(`${channel} ${String(offset)} did not come to ${String(count)}: ${await lookUp(world, channel, offset)}`);
  return lines;
}

async function lookUp(world: World, channel: string, offset: number): Promise<string> {
  try {
    const { bus } = await world.direct();
    const stored = await fetchMessage(bus, streamOf(namespaceOf(channel)), offset);
    if (!stored) return "JetStream has lost it";
    return `JetStream has it: ${Buffer.from(stored.data).toString("utf8").slice(0, 60)} on ${stored.subject}`;
  } catch (error) {
    return `JetStream could not be asked: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const READS_AT_ONCE = 20;

/** Whether JetStream still has what it has acknowledged since the last quiet interval: reads all of it back. Short histories are left out. */
export async function findLostByJetStream(world: World): Promise<string[]> {
  const { bus } = await world.direct();
  const lines: string[] = [];
  for (const [channel, ledger] of world.ledger.channels) {
    if (isWithoutHistory(channel) || channel.startsWith("short.")) continue;
    const all = [...ledger.everything()];
    const lost: string[] = [];
    for (let at = 0; at < all.length; at += READS_AT_ONCE) {
      await Promise.all(all.slice(at, at + READS_AT_ONCE).map(async ([offset, number]) => {
        const stored = await fetchMessage(bus, streamOf(namespaceOf(channel)), offset);
        const found = stored ? numberOf(stored.data) : undefined;
        if (found !== number) lost.push(`${String(number)} at ${String(offset)} (now ${found === undefined ? "nothing" : String(found)})`);
      }));
    }
    if (lost.length > 0) lines.push(`JetStream has lost ${String(lost.length)} of ${String(all.length)} acknowledged messages of ${channel}: ${lost.slice(0, 3).join(", ")}`);
  }
  return lines;
}

function numberOf(data: Uint8Array): number | undefined {
  try {
    return (JSON.parse(Buffer.from(data).toString("utf8")) as { n?: number }).n;
  } catch {
    return undefined;
  }
}
