import { describe, expect, it } from "vitest";
import { ConfigError } from "../../lib/config/configError.js";
import { readPublishConfig } from "./config.js";

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readPublishConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("publish config", () => {
  it("has defaults for everything but the keys", () => {
    expect(readPublishConfig({ HALLEY_API_KEYS: "a, b" })).toMatchObject({
      host: "0.0.0.0", port: 50051, opsPort: 9101, natsUrls: ["nats://127.0.0.1:4222"], apiKeys: ["a", "b"], schemas: undefined, logLevel: "info",
    });
  });

  it("lists every problem at once, without the keys", () => {
    const problems = problemsOf({ HALLEY_PUBLISH_PORT: "x", HALLEY_CONFIG: "/no/such/halley.yaml", HALLEY_TYPO: "1" });
    expect(problems).toEqual([expect.stringContaining("HALLEY_TYPO"), expect.stringContaining("HALLEY_PUBLISH_PORT"), expect.stringContaining("/no/such/halley.yaml")]);
    expect(problemsOf({})).toEqual([expect.stringContaining("HALLEY_API_KEYS is missing")]);
  });
});
