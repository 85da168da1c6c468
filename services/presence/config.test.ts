import { describe, expect, it } from "vitest";
import { ConfigError } from "../../lib/config/configError.js";
import { readPresenceConfig } from "./config.js";

describe("presence config", () => {
  it("has defaults for everything but the API keys", () => {
    expect(readPresenceConfig({ HALLEY_API_KEYS: "one, two" })).toMatchObject({
      host: "0.0.0.0",
      port: 50_052,
      opsPort: 9_103,
      natsUrls: ["nats://127.0.0.1:4222"],
      apiKeys: ["one", "two"],
      leaseMs: 12_000,
    });
  });

  it("lists all problems at once", () => {
    const read = (): unknown => readPresenceConfig({ HALLEY_PRESENCE_PORT: "70000", HALLEY_CONFIG: "/nowhere/halley.yaml", HALLEY_TYPO: "1" });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(/HALLEY_TYPO[\s\S]*HALLEY_PRESENCE_PORT[\s\S]*nowhere/);
  });
});
