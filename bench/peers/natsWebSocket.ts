import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GuardedChild } from "../../cli/nats/guardedChild.js";
import { findNatsBinary } from "../../cli/nats/natsBinary.js";
import type { Contender } from "../contenders/contender.js";
import type { PartContext } from "../part.js";
import type { Peer } from "./peer.js";
import { readIfThere, until } from "./until.js";

/** NATS's own WebSocket: the same nats-server as Halley's, another process, without JetStream. */
export const natsWebSocket: Peer = { name: "nats-ws", missing: () => Promise.resolve(undefined), start: startNatsWebSocket };

/** A nats-server that takes WebSockets. */
export interface NatsWebSocketContender extends Contender {
  /** Where to publish. */
  readonly url: string;
}

/** Starts it. */
export async function startNatsWebSocket({ folder, signal }: PartContext): Promise<NatsWebSocketContender> {
  const binary = await findNatsBinary(process.env["HALLEY_NATS_SERVER"]);
  const own = join(folder, "nats-ws");
  mkdirSync(join(own, "ports"), { recursive: true });
  const file = join(own, "nats.conf");
  writeFileSync(file, configuration(own));
  const program = new GuardedChild(binary.path, ["-c", file]);
  try {
    const { url, port } = await until(program, () => portsIn(join(own, "ports")), signal);
    return {
      name: "nats-ws",
      url,
      port,
      dialect: "natsWebSocket",
      pids: { server: Number(readFileSync(join(own, "nats.pid"), "utf8")) },
      settle: () => Promise.resolve(),
      source: ({ channels, payload }) => Promise.resolve({ way: "nats", url, subjects: channels, payload }),
      stop: () => program.stop(),
    };
  } catch (error) {
    await program.stop();
    throw error;
  }
}

/** Where it listens, when it does. */
function portsIn(folder: string): { readonly url: string; readonly port: number } | undefined {
  const file = readdirSync(folder).find((name) => name.endsWith(".ports"));
  const text = file === undefined ? "" : readIfThere(join(folder, file));
  const url = /"(nats:\/\/[^"]+)"/.exec(text)?.[1];
  const port = /"ws:\/\/[^"]*:(\d+)"/.exec(text)?.[1];
  return url === undefined || port === undefined ? undefined : { url, port: Number(port) };
}

function configuration(folder: string): string {
  const path = (name: string): string => JSON.stringify(join(folder, name));
  return `listen: "127.0.0.1:-1"
pid_file: ${path("nats.pid")}
ports_file_dir: ${path("ports")}
log_file: ${path("nats.log")}
ping_interval: "25s"
websocket { listen: "127.0.0.1:-1", no_tls: true, compression: false }
`;
}
