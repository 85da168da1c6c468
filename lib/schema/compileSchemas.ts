import { execFile } from "node:child_process";
import { cp, mkdtemp, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { ConfigError } from "../config/configError.js";
import { findBuf } from "./bufBinary.js";

/** How many of the compiler's messages are shown. */
const SHOWN_MESSAGES = 5;
/** A thousand files compile in about a second. */
const COMPILE_LIMIT_MS = 60_000;
const MAX_DESCRIPTOR_BYTES = 256 * 2 ** 20;

/**
 * Compiles a folder of .proto files into the bytes of a FileDescriptorSet with imports. Imports are looked up in the
 * folder; google/protobuf/*.proto are built in. Throws ConfigError with the compiler's first messages.
 */
export async function compileSchemas(folder: string): Promise<Uint8Array> {
  const buf = findBuf();
  if (buf === undefined) {
    throw new ConfigError([`no protobuf compiler for ${process.platform} ${process.arch}: run npm ci with optional packages, or set HALLEY_SCHEMAS to a compiled descriptor set`]);
  }
  // In a copy, so that no buf.yaml in the folder or above it changes what is compiled or wants the network.
  const copy = await mkdtemp(join(tmpdir(), "halley-schemas-"));
  try {
    const source = await realpath(folder);
    const filter = (path: string): boolean | Promise<boolean> => path === source || isSource(path);
    await cp(source, join(copy, "schemas"), { recursive: true, dereference: true, filter });
    await writeFile(join(copy, "schemas", "buf.yaml"), "version: v2\n");
    return await build(buf, copy);
  } catch (error) {
    throw error instanceof CompilerRefusal ? new ConfigError([`${folder} does not compile: ${error.message}`]) : error;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

class CompilerRefusal extends Error {}

/** Folders and .proto files; not what belongs to package managers and editors. */
async function isSource(path: string): Promise<boolean> {
  const name = basename(path);
  if (name === "node_modules" || name.startsWith(".")) return false;
  return name.endsWith(".proto") || (await stat(path)).isDirectory();
}

function build(buf: string, copy: string): Promise<Uint8Array> {
  const options = {
    cwd: join(copy, "schemas"),
    env: { ...process.env, BUF_CACHE_DIR: join(copy, "cache") },
    encoding: "buffer",
    timeout: COMPILE_LIMIT_MS,
    maxBuffer: MAX_DESCRIPTOR_BYTES,
  } as const;
  return new Promise((resolve, reject) => {
    execFile(buf, ["build", ".", "--as-file-descriptor-set", "-o", "-#format=binpb"], options, (error, output, messages) => {
      if (error === null) resolve(output);
      else reject(new CompilerRefusal(firstMessages(messages.toString("utf8")) || error.message, { cause: error }));
    });
  });
}

function firstMessages(output: string): string {
  const lines = output.split("\n").filter((line) => line !== "");
  const more = lines.length - SHOWN_MESSAGES;
  return [...lines.slice(0, SHOWN_MESSAGES), ...(more > 0 ? [`and ${String(more)} more`] : [])].join("; ");
}
