import { startTcpProxy, type TcpProxy } from "../../test/helpers/tcpProxy.js";
import type { World } from "./world.js";

/** Adds a connector whose way to NATS leads through a proxy; clients that should suffer use only that one. */
export async function addBehindProxy(world: World): Promise<{ readonly proxy: TcpProxy; readonly ports: () => readonly number[] }> {
  const proxy = await startTcpProxy(world.nats.port);
  world.onStop(() => proxy.stop());
  const connector = await world.addConnector([`nats://127.0.0.1:${String(proxy.port)}`]);
  return { proxy, ports: () => [connector.port] };
}
