import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { OLDEST_SERVER, olderThan } from "../../lib/bus/serverVersion.js";

const HOW_TO_INSTALL = "install it (Debian: apt-get install nats-server), or name one in HALLEY_NATS_SERVER, or a running NATS in HALLEY_NATS_URL";

/** A nats-server that can be started. */
export interface NatsBinary {
  readonly path: string;
  /** "2.9.10". */
  readonly version: string;
}

/**
 * Finds nats-server: the one named, else the one on PATH, else in the folders of system programs, which Debian leaves out of
 * a user's PATH. Throws a sentence when there is none, or only one that is too old.
 */
export async function findNatsBinary(named: string | undefined, path = process.env["PATH"] ?? ""): Promise<NatsBinary> {
  const binary = named ?? (await firstExecutable([...path.split(delimiter), "/usr/sbin", "/usr/local/sbin"]));
  if (binary === undefined) throw new Error(`nats-server is not installed: ${HOW_TO_INSTALL}`);
  const version = await versionOf(binary);
  if (olderThan(version, OLDEST_SERVER)) throw new Error(`${binary} is version ${version}, at least ${OLDEST_SERVER} is needed: ${HOW_TO_INSTALL}`);
  return { path: binary, version };
}

async function firstExecutable(folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const candidate = join(folder, "nats-server");
    if (folder !== "" && (await isExecutable(candidate))) return candidate;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function versionOf(binary: string): Promise<string> {
  let output: string;
  try {
    output = (await promisify(execFile)(binary, ["--version"], { timeout: 10_000 })).stdout;
  } catch (error) {
    throw new Error(`${binary} can't be run: ${HOW_TO_INSTALL}`, { cause: error });
  }
  const version = /\bv?(\d+\.\d+\.\d+)/.exec(output)?.[1];
  if (version === undefined) throw new Error(`${binary} does not say its version like nats-server: ${HOW_TO_INSTALL}`);
  return version;
}
