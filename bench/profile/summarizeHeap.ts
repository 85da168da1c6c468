import { readFileSync } from "node:fs";

interface Snapshot {
  readonly snapshot: { readonly meta: { readonly node_fields: readonly string[]; readonly node_types: readonly [readonly string[]]; readonly edge_fields: readonly string[]; readonly edge_types: readonly [readonly string[]] } };
  readonly nodes: readonly number[];
  readonly edges: readonly number[];
  readonly strings: readonly string[];
}

const LINES = 40;

/**
 * What a heap snapshot holds for each of `connections`: a line for each kind of object (its constructor, and the field
 * through which it was found first from the root), with how many there are and their own bytes, per connection.
 */
export function summarizeHeap(file: string, connections: number): string {
  const sums = new Map<string, { count: number; bytes: number }>();
  for (const { name, bytes } of heapObjects(JSON.parse(readFileSync(file, "utf8")) as Snapshot)) {
    const sum = sums.get(name) ?? { count: 0, bytes: 0 };
    sum.count += 1;
    sum.bytes += bytes;
    sums.set(name, sum);
  }
  const top = [...sums].sort(([, left], [, right]) => right.bytes - left.bytes).slice(0, LINES);
  const total = [...sums.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const line = (name: string, count: number, bytes: number): string => `${(bytes / connections).toFixed(0).padStart(7)} B  ${(count / connections).toFixed(2).padStart(7)} x  ${name}`;
  return [line("everything", 0, total), ...top.map(([name, { count, bytes }]) => line(name, count, bytes))].join("\n");
}

function heapObjects({ snapshot: { meta }, nodes, edges, strings }: Snapshot): { name: string; bytes: number }[] {
  const width = meta.node_fields.length;
  const edgeWidth = meta.edge_fields.length;
  const field = (name: string): number => meta.node_fields.indexOf(name);
  const [typeAt, nameAt, sizeAt, edgesAt] = [field("type"), field("name"), field("self_size"), field("edge_count")];
  const constructorOf = (node: number): string => {
    const type = meta.node_types[0][nodes[node + typeAt]!]!;
    const name = strings[nodes[node + nameAt]!]!;
    return type === "object" || type === "native" ? name : type === "closure" ? `function ${name}` : `(${type})`;
  };
  const firstEdge = new Uint32Array(nodes.length / width + 1);
  for (let node = 0; node < nodes.length; node += width) firstEdge[node / width + 1] = firstEdge[node / width]! + nodes[node + edgesAt]!;
  const foundBy = new Map<number, string>([[0, ""]]);
  const found = [0];
  for (const node of found) {
    for (let edge = firstEdge[node / width]!; edge < firstEdge[node / width + 1]!; edge++) {
      const [type, label, target] = [edges[edge * edgeWidth]!, edges[edge * edgeWidth + 1]!, edges[edge * edgeWidth + 2]!];
      const edgeType = meta.edge_types[0][type]!;
      if (edgeType === "weak" || foundBy.has(target)) continue;
      const name = edgeType === "element" || edgeType === "hidden" ? "[]" : `.${strings[label]!}`;
      foundBy.set(target, `${constructorOf(node)}${name.replace(/\d+/g, "#")}`);
      found.push(target);
    }
  }
  return found.map((node) => ({ name: `${constructorOf(node)}  < ${foundBy.get(node) ?? ""}`, bytes: nodes[node + sizeAt]! }));
}
