// Loaded into the services that are measured, before their own code: lets the bench ask for what only a process itself can
// do. It does nothing while it is not asked.
import { writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { setTimeout as pause } from "node:timers/promises";
import { writeHeapSnapshot } from "node:v8";
import { serveCommands } from "./commands.js";

const inspector = new Session();

/** Collects garbage until nothing more comes of it, so that the memory left is memory in use. */
async function settle(): Promise<{ heapUsedBytes: number; externalBytes: number }> {
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.();
    await pause(200);
  }
  const { heapUsed, external } = process.memoryUsage();
  return { heapUsedBytes: heapUsed, externalBytes: external };
}

async function startProfile(): Promise<void> {
  inspector.connect();
  await inspector.post("Profiler.enable");
  await inspector.post("Profiler.setSamplingInterval", { interval: 200 });
  await inspector.post("Profiler.start");
}

async function stopProfile({ file }: { readonly file: string }): Promise<void> {
  const { profile } = await inspector.post("Profiler.stop");
  inspector.disconnect();
  writeFileSync(file, JSON.stringify(profile));
}

function heapSnapshot({ file }: { readonly file: string }): void {
  writeHeapSnapshot(file);
}

const commands = { settle, startProfile, stopProfile, heapSnapshot };
/** What a measured service can be asked. */
export type AgentCommands = typeof commands;

serveCommands(commands);
