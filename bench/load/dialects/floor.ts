import type { Dialect } from "./dialect.js";
import { hearLines } from "./halley.js";

/** A floor's: no upgrade, the number of a channel in two bytes, one answer, then a connector's frames without being asked. */
export const floor: Dialect = {
  upgrade: () => undefined,
  converse: ({ channel }, listener) => {
    const { hear } = hearLines(listener);
    return { begin: () => { listener.send(channelNumber(channel)); }, hear };
  },
};

/** `bench.channels.12` is 12; a name without a number at its end is 0. */
function channelNumber(channel: string): Buffer {
  const number = Buffer.alloc(2);
  number.writeUInt16BE(Number(/\.(\d+)$/.exec(channel)?.[1] ?? 0));
  return number;
}
