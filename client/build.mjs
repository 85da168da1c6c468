// Builds client/dist: halley.js (one script, global `Halley`), halley.mjs (module), types/.
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");

const shared = { bundle: true, sourcemap: true, target: "es2022", logLevel: "warning" };
await build({ ...shared, entryPoints: [join(here, "src/script.ts")], outfile: join(dist, "halley.js"), format: "iife", minify: true });
await build({ ...shared, entryPoints: [join(here, "src/index.ts")], outfile: join(dist, "halley.mjs"), format: "esm" });

const tsc = join(here, "../node_modules/typescript/bin/tsc");
execFileSync(process.execPath, [tsc, "-p", join(here, "tsconfig.types.json")], { stdio: "inherit" });
