import { History } from "../../lib/bus/history.js";
import { subjects } from "../../lib/bus/subjects.js";
import { namespaceOf } from "../../lib/channel/channelName.js";
import type { World } from "./world.js";

const CHUNK = 5_000;

/** The numbers that a channel holds, by offset, read from the stream itself. */
async function readStored(history: History, channel: string): Promise<ReadonlyMap<number, number>> {
  const stored = new Map<number, number>();
  const { lastSequence: to } = await history.infoAfterNow();
  for (let from = 1; from <= to; ) {
    const { messages, readTo } = await history.read({ subject: subjects.publish(channel), from, to, maxMessages: CHUNK, maxBytes: 2 ** 26 });
    for (const { sequence, data } of messages) stored.set(sequence, (JSON.parse(Buffer.from(data).toString("utf8")) as { n: number }).n);
    from = readTo + 1;
  }
  return stored;
}

/** Ends the traffic and reads the streams: each message is stored once, and what was acknowledged is where it was said to be. Gives what is wrong. */
export async function checkStored(world: World, channels: readonly string[]): Promise<string[]> {
  await world.quiet();
  const { bus } = await world.direct();
  const faults: string[] = [];
  for (const channel of channels) {
    const history = new History(bus, namespaceOf(channel));
    const stored = await readStored(history, channel);
    const { epoch } = await history.infoAfterNow();
    const copies = stored.size - new Set(stored.values()).size;
    if (copies > 0) faults.push(`${channel}: ${String(copies)} messages are stored twice`);
    const acknowledged = world.ledger.of(channel).storedIn(epoch);
    const wrong = [...acknowledged].filter(([offset, number]) => stored.get(offset) !== number);
    if (wrong.length > 0) faults.push(`${channel}: ${String(wrong.length)} acknowledged messages are not where they were said to be: ${wrong.slice(0, 3).map(([offset, number]) => `${String(number)} at ${String(offset)}`).join(", ")}`);
    if (acknowledged.size === 0) faults.push(`${channel}: nothing was acknowledged in the present history`);
  }
  return faults;
}
