// Builds dist/: every TypeScript file of the server as one JavaScript file with a source map, and the files that go with
// them. Does nothing when nothing has changed. Imports of packages stay imports. Exports `buildIfStale` for cli/halley.mjs.
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");
const stampFile = join(dist, ".stamp");

/** Folders of TypeScript that runs on the server. */
const CODE = ["lib", "services", "gen", "cli", "bench", "stress", "test/helpers"];
/** What is read at run time, at the same place relative to the code. */
const ASSETS = ["proto", "examples/schemas", "services/connector/demo", "client/dist"];
/** What proto/ imports and npm brings for development only. */
const IMPORTED_PROTO = "google/rpc/status.proto";
/** Whatever changes the build. */
const INPUTS = [...CODE, "client", "proto", "examples/schemas", "scripts/build.mjs", "package.json"];
const SKIPPED = new Set(["node_modules", "dist"]);

/** All files below a path, in order; none where it doesn't exist. */
function filesBelow(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  const entries = readdirSync(path, { withFileTypes: true }).filter((entry) => !SKIPPED.has(entry.name) && !entry.name.startsWith("."));
  return entries.flatMap((entry) => filesBelow(join(path, entry.name))).sort();
}

/** Names the state of some sources, by the sizes and times of their files. */
function stampOf(inputs) {
  const hash = createHash("sha256");
  for (const file of inputs.flatMap((input) => filesBelow(join(root, input)))) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${relative(root, file)} ${size} ${mtimeMs}\n`);
  }
  return hash.digest("hex");
}

/** Whether dist/ is what the sources say. */
function isFresh() {
  return isStamp(stampFile, stampOf(INPUTS));
}

function isStamp(file, stamp) {
  return existsSync(file) && readFileSync(file, "utf8") === stamp;
}

async function loadEsbuild() {
  try {
    return await import("esbuild");
  } catch {
    return undefined;
  }
}

/** Builds client/dist, whose type declarations take a second or two, where the client has changed. */
async function buildClient() {
  const stamp = stampOf(["client", "package-lock.json"]);
  const file = join(root, "client", "dist", ".stamp");
  if (!existsSync(join(root, "client")) || isStamp(file, stamp)) return;
  await import(pathToFileURL(join(root, "client", "build.mjs")).href);
  writeFileSync(file, stamp);
}

const isNoStamp = (path) => !path.endsWith(".stamp");

/** Builds into a folder beside dist/ and puts it in place at the end, so that a running process never sees half of it. */
async function build(esbuild) {
  const stamp = stampOf(INPUTS);
  const fresh = join(root, `.dist-${process.pid}`);
  rmSync(fresh, { recursive: true, force: true });
  try {
    const isCode = (file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && !file.endsWith(".d.ts");
    await esbuild.build({
      entryPoints: CODE.flatMap((folder) => filesBelow(join(root, folder))).filter(isCode),
      outbase: root,
      outdir: fresh,
      format: "esm",
      platform: "node",
      target: "node20",
      sourcemap: true,
      logLevel: "warning",
    });
    await buildClient();
    // Its helper process would stay as long as this one.
    await esbuild.stop();
    for (const asset of ASSETS) if (existsSync(join(root, asset))) cpSync(join(root, asset), join(fresh, asset), { recursive: true, filter: isNoStamp });
    cpSync(join(root, "node_modules/google-proto-files", IMPORTED_PROTO), join(fresh, "proto", IMPORTED_PROTO));
    writeFileSync(join(fresh, "package.json"), '{ "type": "module" }\n');
    writeFileSync(join(fresh, ".stamp"), stamp);
    rmSync(dist, { recursive: true, force: true });
    renameSync(fresh, dist);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/**
 * Builds when dist/ is not what the sources say. Without the development packages (`npm ci --omit=dev`) what is there is
 * used as it is. Returns whether dist/ can be used.
 */
export async function buildIfStale() {
  if (isFresh()) return true;
  const esbuild = await loadEsbuild();
  if (!esbuild) return existsSync(stampFile);
  await build(esbuild);
  return true;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const usable = await buildIfStale();
  if (!usable) process.stdout.write("halley: dist/ is not built: esbuild is missing (npm ci without --omit=dev installs it)\n");
}
