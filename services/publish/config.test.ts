import { describe, expect, it } from "vitest";
import { problemsOf } from "../../test/helpers/problems.js";
import { readPublishConfig } from "./config.js";

describe("publish config", () => {
  it("has defaults for everything but the keys", async () => {
    expect(await readPublishConfig({ HALLEY_API_KEYS: "a, b" })).toMatchObject({
      host: "0.0.0.0", port: 50051, opsPort: 9101, natsUrls: ["nats://127.0.0.1:4222"], apiKeys: ["a", "b"], registry: { types: [] }, logLevel: "info",
    });
  });

  it("lists every problem at once, without the keys", async () => {
    const problems = await problemsOf(() => readPublishConfig({ HALLEY_PUBLISH_PORT: "x", HALLEY_CONFIG: "/no/such/halley.yaml", HALLEY_TYPO: "1" }));
    expect(problems).toEqual([expect.stringContaining("HALLEY_TYPO"), expect.stringContaining("HALLEY_PUBLISH_PORT"), expect.stringContaining("/no/such/halley.yaml")]);
    expect(await problemsOf(() => readPublishConfig({}))).toEqual([expect.stringContaining("HALLEY_API_KEYS is missing")]);
  });
});
