import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ConfigError } from "../config/configError.js";
import { findBuf } from "./bufBinary.js";
import { loadSchemas } from "./loadSchemas.js";

const folder = mkdtempSync(join(tmpdir(), "halley-load-schemas-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A folder that holds these files. */
function folderOf(name: string, files: Record<string, string>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, path, ".."), { recursive: true });
    writeFileSync(join(folder, name, path), text);
  }
  return join(folder, name);
}

const SYNTAX = 'syntax = "proto3";\n';

describe("loadSchemas", () => {
  it("gives an empty registry without a path", async () => {
    const registry = await loadSchemas(undefined);
    expect(registry.types).toEqual([]);
    expect(registry.has("demo.v1.ChatMessage")).toBe(false);
  });

  it("compiles a folder, with imports inside it and whatever lies around", async () => {
    const path = folderOf(".good.d", {
      "a/v1.2/a.proto": `${SYNTAX}package a; import "b.proto"; message A { b.B b = 1; }`,
      "b.proto": `${SYNTAX}package b; message B {}`,
      "buf.yaml": "version: v2\ndeps: [buf.build/does/not-exist]\n",
      "node_modules/x/x.proto": "not a proto file",
      ".git/y.proto": "not a proto file",
      "README.md": "text",
    });
    expect((await loadSchemas(path)).types).toEqual(["a.A", "b.B"]);
  });

  it("loads a compiled descriptor set", async () => {
    const file = join(folder, "set.binpb");
    execFileSync(findBuf() ?? "buf", ["build", "examples/schemas", "--as-file-descriptor-set", "-o", `${file}#format=binpb`]);
    expect((await loadSchemas(file)).types).toEqual((await loadSchemas("examples/schemas")).types);
  });

  it("says in a sentence what does not compile", async () => {
    const path = folderOf("bad", { "a.proto": `${SYNTAX}message A { Missing one = 1; }`, "b.proto": `${SYNTAX}import "gone.proto";` });
    const failure = await loadSchemas(path).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConfigError);
    expect(String(failure)).toContain(`${path} does not compile: `);
    expect(String(failure)).toContain("a.proto:2:13:");
    expect(String(failure)).toContain("b.proto:2:1:imported file does not exist");
    expect(String(failure)).not.toContain("\n");
  });

  it.each([
    ["a path that is not there", () => join(folder, "gone"), "can't be read"],
    ["a file of something else", () => join(folderOf("text", { "x.txt": "hello" }), "x.txt"), "is neither a folder of .proto files nor"],
    ["a folder without .proto files", () => folderOf("none", { "x.txt": "hello" }), "no .proto files"],
  ])("refuses %s", async (_, path, words) => {
    await expect(loadSchemas(path())).rejects.toThrow(words);
    await expect(loadSchemas(path())).rejects.toBeInstanceOf(ConfigError);
  });
});
