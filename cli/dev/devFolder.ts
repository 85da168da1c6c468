import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { identify, isAlive } from "../processIdentity.js";

const fileSchema = z.object({
  owner: z.object({ pid: z.number(), started: z.string() }),
  env: z.record(z.string(), z.string()),
});

/** The settings of a running `halley dev`, as an environment. */
export type DevEnvironment = Readonly<Record<string, string>>;

/** The folder of one `halley dev`: nobody else uses it while that one lives. */
export class DevFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Takes the folder, and makes it where needed. Throws a sentence when another living process has it. */
  static claim(path: string): DevFolder {
    mkdirSync(path, { recursive: true });
    const folder = new DevFolder(path);
    try {
      folder.#write({}, "wx");
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      const other = readFile(path);
      if (other && isAlive(other.owner)) {
        throw new Error(`${path} is in use by another halley dev (process ${String(other.owner.pid)}): end that one, or set HALLEY_DATA to another folder`, { cause: error });
      }
      folder.#write({}, "w");
    }
    return folder;
  }

  /** Says with which settings this one runs, for `devEnvironment`. They hold secrets: the file is the owner's alone. */
  publish(env: DevEnvironment): void {
    this.#write(env, "w");
  }

  /** Gives the folder back. */
  release(): void {
    rmSync(fileIn(this.path), { force: true });
  }

  #write(env: DevEnvironment, flag: "w" | "wx"): void {
    const content = JSON.stringify({ owner: identify(process.pid), env });
    if (flag === "wx") {
      writeFileSync(fileIn(this.path), content, { mode: 0o600, flag });
      return;
    }
    const next = `${fileIn(this.path)}.${String(process.pid)}`;
    writeFileSync(next, content, { mode: 0o600 });
    renameSync(next, fileIn(this.path));
  }
}

/** The settings of the `halley dev` that runs in a folder now; empty where none does. */
export function devEnvironment(path: string): DevEnvironment {
  const file = readFile(path);
  return file && isAlive(file.owner) ? file.env : {};
}

function readFile(path: string): z.output<typeof fileSchema> | undefined {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(fileIn(path), "utf8")));
  } catch {
    return undefined;
  }
}

function fileIn(path: string): string {
  return join(path, "dev.json");
}
