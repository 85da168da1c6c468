import { existsSync } from "node:fs";
import type { Contender } from "../contenders/contender.js";
import type { PartContext } from "../part.js";
import { Child } from "../process/child.js";
import type { Peer } from "./peer.js";
import type { SocketIoServerCommands } from "./socketIoServer.js";

/** Socket.IO. */
export const socketIo: Peer = {
  name: "socket.io",
  missing: () => Promise.resolve(existsSync("bench/peers/node_modules/socket.io") ? undefined : "its package is not there (scripts/require.sh peers gets it: npm ci in bench/peers)"),
  start,
};

async function start({ signal }: PartContext): Promise<Contender> {
  const server = new Child<SocketIoServerCommands>({
    name: "the server of Socket.IO",
    module: new URL("socketIoServer.js", import.meta.url),
    nodeOptions: ["--expose-gc"],
    env: { NODE_ENV: "production" },
    signal,
  });
  try {
    const { port, controlPort } = await server.ask("start", undefined);
    return {
      name: "socket.io",
      port,
      dialect: "socketIo",
      pids: { server: server.pid },
      settle: () => server.ask("settle", undefined),
      source: async ({ channels, payload }) => {
        await server.ask("prepare", { channels, payload });
        return { way: "control", port: controlPort, channels: channels.length };
      },
      stop: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
