import { describe, expect, it } from "vitest";
import { ConfigError } from "../../lib/config/configError.js";
import { readPublishConfig } from "./config.js";

async function problemsOf(env: Record<string, string>): Promise<readonly string[]> {
  try {
    await readPublishConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("publish config", () => {
  it("has defaults for everything but the keys", async () => {
    expect(await readPublishConfig({ HALLEY_API_KEYS: "a, b" })).toMatchObject({
      host: "0.0.0.0", port: 50051, opsPort: 9101, natsUrls: ["nats://127.0.0.1:4222"], apiKeys: ["a", "b"], registry: { types: [] }, logLevel: "info",
    });
  });

  it("lists every problem at once, without the keys", async () => {
    const problems = await problemsOf({ HALLEY_PUBLISH_PORT: "x", HALLEY_CONFIG: "/no/such/halley.yaml", HALLEY_TYPO: "1" });
    expect(problems).toEqual([expect.stringContaining("HALLEY_TYPO"), expect.stringContaining("HALLEY_PUBLISH_PORT"), expect.stringContaining("/no/such/halley.yaml")]);
    expect(await problemsOf({})).toEqual([expect.stringContaining("HALLEY_API_KEYS is missing")]);
  });
});
