import { readFileSync } from "node:fs";

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const LINES = 25;

/** The functions of a .cpuprofile that took the most time themselves, a line each, as shares of the time that wasn't idle. */
export function summarizeProfile(file: string): string {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, "utf8")) as Profile;
  const names = new Map(nodes.map((node) => [node.id, nameOf(node)]));
  const selfUs = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const name = names.get(id) ?? "";
    selfUs.set(name, (selfUs.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  }
  const busy = [...selfUs].filter(([name]) => !name.startsWith("(idle)"));
  const totalUs = busy.reduce((sum, [, us]) => sum + us, 0);
  const top = busy.sort(([, left], [, right]) => right - left).slice(0, LINES);
  return top.map(([name, us]) => `${((us / totalUs) * 100).toFixed(1).padStart(6)} %  ${name}`).join("\n");
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const place = url === "" ? "" : `  ${url.replace(/^.*\/(?=(?:dist|node_modules)\/)/, "")}:${String(lineNumber + 1)}`;
  return `${functionName === "" ? "(anonymous)" : functionName}${place}`;
}
