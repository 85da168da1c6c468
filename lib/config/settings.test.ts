import { describe, expect, it } from "vitest";
import { problemsOf } from "../../test/helpers/problems.js";
import { readServiceSettings } from "./serviceSettings.js";
import { readSettings } from "./settings.js";
import { parseBytes, parseDurationMs } from "./size.js";

describe("settings", () => {
  it("have defaults, and an empty one is as good as none", () => {
    expect(readSettings({ PATH: "/bin", HALLEY_CONNECTOR_PORT: "", HALLEY_NATS_URL: "" })).toMatchObject({
      HALLEY_CONNECTOR_PORT: 8080, HALLEY_PUBLISH_PORT: 50051, HALLEY_NATS_URL: [], HALLEY_DATA: ".halley", HALLEY_LOG_LEVEL: "info", HALLEY_JWT_SECRET: undefined,
    });
  });

  it("are read", () => {
    expect(readSettings({ HALLEY_CONNECTOR_PORT: "0", HALLEY_API_KEYS: " a, b ,,", HALLEY_LOG_LEVEL: "warn" })).toMatchObject({
      HALLEY_CONNECTOR_PORT: 0, HALLEY_API_KEYS: ["a", "b"], HALLEY_LOG_LEVEL: "warn",
    });
  });

  it("are refused with everything that is wrong, also names that nobody knows, never with a secret's value", async () => {
    const found = await problemsOf(() => readSettings({ HALLEY_CONNECTOR_PORT: "70000", HALLEY_PUBLISH_PORT: "http", HALLEY_JWT_SECRET: "hunter2", HALLEY_LOG_LEVEL: "loud", HALLEY_CONECTOR_PORT: "1" }));
    expect(found.map((problem) => problem.split(" ")[0]).sort()).toEqual(["HALLEY_CONECTOR_PORT", "HALLEY_CONNECTOR_PORT", "HALLEY_JWT_SECRET", "HALLEY_LOG_LEVEL", "HALLEY_PUBLISH_PORT"]);
    expect(found.join()).not.toContain("hunter2");
  });

  it("are refused for every origin that is none", async () => {
    const found = await problemsOf(() => readSettings({ HALLEY_ALLOWED_ORIGINS: "https://example.org, example.org, https://example.org/app, loopback" }));
    expect(found).toEqual([
      expect.stringMatching(/^HALLEY_ALLOWED_ORIGINS holds example\.org, which is no origin: write scheme/),
      "HALLEY_ALLOWED_ORIGINS holds https://example.org/app, which is no origin: write https://example.org",
    ]);
  });

  it("of a service are refused together with its configuration and what it can't do without", async () => {
    const found = await problemsOf(() => readServiceSettings({ HALLEY_CONNECTOR_PORT: "x", HALLEY_CONFIG: "/nowhere/halley.yaml" }, () => []));
    expect(found).toHaveLength(2);
    expect(await problemsOf(() => readServiceSettings({}, () => ["a secret is missing"]))).toEqual(["a secret is missing"]);
    expect(readServiceSettings({}, () => []).natsUrls).toEqual(["nats://127.0.0.1:4222"]);
  });
});

describe("sizes and durations", () => {
  it.each([["100B", 100], ["512KiB", 2 ** 19], ["1 GiB", 2 ** 30], ["0.5MiB", 2 ** 19], ["1GB", undefined], ["1", undefined], ["-1KiB", undefined], ["9999999999TiB", undefined], ["constructor", undefined], ["1toString", undefined]])("%s are %s bytes", (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each([["500ms", 500], ["30s", 30_000], ["10m", 600_000], ["1h", 3_600_000], ["7d", 604_800_000], ["1 week", undefined], ["", undefined]])("%s are %s ms", (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });
});
