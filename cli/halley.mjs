#!/usr/bin/env node
// The `halley` command. In a clone dist/ is built first when the sources have changed; it takes less than a second.
const [major] = process.versions.node.split(".");
if (Number(major) < 20) {
  process.stderr.write(`halley: Node.js 20 or newer is needed, this is ${process.versions.node}\n`);
  process.exit(1);
}
process.setSourceMapsEnabled(true);
const { buildIfStale } = await import("../scripts/build.mjs");
if (!(await buildIfStale())) {
  process.stderr.write("halley: dist/ is not built: run npm ci, then npm run build\n");
  process.exit(1);
}
const { main } = await import("../dist/cli/main.js");
await main(process.argv);
