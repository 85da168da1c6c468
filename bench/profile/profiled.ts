import type { AgentCommands } from "../process/agent.js";
import type { Child } from "../process/child.js";
import { summarizeProfile } from "./summarizeProfile.js";

/** Runs `work` while a service's CPU is profiled into `file`, and says which functions took the most. */
export async function profiled(service: Child<AgentCommands>, { file, say }: { readonly file: string; readonly say: (text: string) => void }, work: () => Promise<unknown>): Promise<void> {
  await service.ask("startProfile", undefined);
  try {
    await work();
  } finally {
    await service.ask("stopProfile", { file });
  }
  say(`${file}\n${summarizeProfile(file)}`);
}
