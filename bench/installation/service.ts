import { setTimeout as pause } from "node:timers/promises";
import type { AgentCommands } from "../process/agent.js";
import { Child } from "../process/child.js";

/** A service of Halley in a process of its own, as in production. */
export interface Service {
  readonly process: Child<AgentCommands>;
  readonly port: number;
}

/** What to start. */
export interface ServiceOptions {
  readonly name: "publish" | "connector" | "presence";
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

const READY_LIMIT_MS = 20_000;

/** Starts a service's main.ts on free ports of loopback; resolves when it is ready. The caller stops its process. */
export async function startService({ name, env, signal }: ServiceOptions): Promise<Service> {
  let onListening: (ports: { port: number; opsPort: number }) => void = () => undefined;
  const listening = new Promise<{ port: number; opsPort: number }>((resolve) => { onListening = resolve; });
  const process = new Child<AgentCommands>({
    name: `the ${name} service`,
    module: new URL(`../../services/${name}/main.js`, import.meta.url),
    nodeOptions: ["--expose-gc", "--import", new URL("../process/agent.js", import.meta.url).href],
    env: {
      HALLEY_HOST: "127.0.0.1",
      [`HALLEY_${name.toUpperCase()}_PORT`]: "0",
      [`HALLEY_${name.toUpperCase()}_OPS_PORT`]: "0",
      ...env,
    },
    onLine: (line) => {
      const ports = portsIn(line, `${name} listens`);
      if (ports) onListening(ports);
    },
    signal,
  });
  try {
    const { port, opsPort } = await Promise.race([listening, process.failed()]);
    await untilReady(opsPort, name, signal);
    return { process, port };
  } catch (error) {
    await process.stop();
    throw error;
  }
}

/** The log says which ports were bound. */
function portsIn(line: string, message: string): { port: number; opsPort: number } | undefined {
  if (!line.startsWith("{")) return undefined;
  const { msg, port, opsPort } = JSON.parse(line) as { msg?: string; port?: number; opsPort?: number };
  return msg === message && port !== undefined && opsPort !== undefined ? { port, opsPort } : undefined;
}

async function untilReady(opsPort: number, name: string, signal: AbortSignal): Promise<void> {
  const deadlineMs = performance.now() + READY_LIMIT_MS;
  for (;;) {
    const { ok } = await fetch(`http://127.0.0.1:${String(opsPort)}/readyz`, { signal });
    if (ok) return;
    if (performance.now() > deadlineMs) throw new Error(`the ${name} service did not become ready in time`);
    await pause(50, undefined, { signal });
  }
}
