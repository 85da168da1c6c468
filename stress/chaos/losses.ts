import { fetchMessage } from "../../lib/bus/fetchMessage.js";
import { streamOf } from "../../lib/bus/subjects.js";
import { namespaceOf } from "../../lib/channel/channelName.js";
import { ChannelRecord } from "../clients/record.js";
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
