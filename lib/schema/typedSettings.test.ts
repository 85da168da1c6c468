import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { problemsOf } from "../../test/helpers/problems.js";
import { readTypedSettings } from "./typedSettings.js";

const folder = mkdtempSync(join(tmpdir(), "halley-typed-settings-"));
afterAll(() => { rmSync(folder, { recursive: true }); });
const config = join(folder, "halley.yaml");
writeFileSync(config, "replicas: 2\nnamespaces:\n  chat: { types: [demo.v1.ChatMessage, demo.v1.Missing] }\n");

const problems = (env: Record<string, string>): Promise<readonly string[]> => problemsOf(() => readTypedSettings(env, () => ["a secret is missing"]));

describe("typed settings", () => {
  it("hold the types, and namespaces that name only those", async () => {
    const good = join(folder, "good.yaml");
    writeFileSync(good, "namespaces:\n  chat: { types: [demo.v1.ChatMessage] }\n");
    const { registry, namespaces } = await readTypedSettings({ HALLEY_CONFIG: good, HALLEY_SCHEMAS: "examples/schemas" }, () => []);
    expect(registry.has("demo.v1.ChatMessage")).toBe(true);
    expect(namespaces.byName("chat")?.types).toEqual(["demo.v1.ChatMessage"]);
  });

  it("are refused with a type that no schema has, and everything else that is wrong", async () => {
    const found = await problems({ HALLEY_TYPO: "1", HALLEY_LOG_LEVEL: "loud", HALLEY_CONFIG: config, HALLEY_SCHEMAS: "examples/schemas" });
    expect(found).toEqual([
      expect.stringContaining("HALLEY_TYPO"),
      expect.stringContaining("HALLEY_LOG_LEVEL"),
      expect.stringContaining("replicas"),
      `${config}: namespaces.chat.types: demo.v1.Missing is not in HALLEY_SCHEMAS: correct the name, or set HALLEY_SCHEMAS to .proto files that define it`,
    ]);
  });

  it("are refused with types where there are no schemas", async () => {
    expect(await problems({ HALLEY_CONFIG: config })).toEqual([
      expect.stringContaining("replicas"), expect.stringContaining("demo.v1.ChatMessage is not in"), expect.stringContaining("demo.v1.Missing is not in"), "a secret is missing",
    ]);
  });

  it("say of schemas that can't be read only that", async () => {
    const found = await problems({ HALLEY_CONFIG: config, HALLEY_SCHEMAS: join(folder, "gone") });
    expect(found).toEqual([expect.stringContaining("gone can't be read"), expect.stringContaining("replicas"), "a secret is missing"]);
  });
});
