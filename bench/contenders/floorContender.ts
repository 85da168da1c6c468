import type { SocketFloorCommands } from "../floors/socketFloor.js";
import { serverFrame } from "../load/frameReader.js";
import { Child } from "../process/child.js";
import type { Contender } from "./contender.js";

/** A floor: bare sockets that are written what a connector writes. */
export interface FloorContender extends Contender {
  /** From now on a message is these bytes, as a connector sent it. */
  imitate(message: Buffer): void;
}

/** Starts it. */
export async function startFloor(signal: AbortSignal): Promise<FloorContender> {
  const process = new Child<SocketFloorCommands>({ name: "the floor", module: new URL("../floors/socketFloor.js", import.meta.url), nodeOptions: ["--expose-gc"], signal });
  let message: Buffer | undefined;
  try {
    const { port, controlPort } = await process.ask("start", undefined);
    return {
      name: "floor",
      port,
      dialect: "floor",
      pids: { server: process.pid },
      imitate: (given) => { message = given; },
      settle: () => process.ask("settle", undefined),
      source: async ({ channels, burst }) => {
        if (!message) throw new Error("the floor was not told what to write");
        await process.ask("setFrame", { burst: channels.length === 1 ? burst : 1, bytes: frameOf(message, channels.length === 1 ? burst : 1) });
        return { way: "control", port: controlPort, channels: channels.length };
      },
      stop: () => process.stop(),
    };
  } catch (error) {
    await process.stop();
    throw error;
  }
}

/** One WebSocket frame, as a connector sends several messages that are due at once. */
function frameOf(message: Buffer, burst: number): string {
  const lines = Array.from({ length: burst }, () => message.toString("latin1"));
  return serverFrame(Buffer.from(lines.join("\n"), "latin1")).toString("base64");
}
