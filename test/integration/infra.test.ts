import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { loadNamespaces } from "../../lib/config/namespaces.js";
import { runHalley } from "../helpers/halley.js";

describe("infra/", () => {
  it("holds a halley.yaml that the services take", async () => {
    const { code, stderr } = await runHalley(["check-config"], {
      HALLEY_CONFIG: "infra/halley.yaml",
      HALLEY_JWT_SECRET: "a secret for tests only, long enough for HS256",
      HALLEY_API_KEYS: "key",
    });
    expect([code, stderr]).toEqual([0, ""]);
    expect(loadNamespaces("infra/halley.yaml").all.map(({ name }) => name).sort()).toEqual(["all", "chat", "live", "news", "sys", "user"]);
  });

  it("holds a nats.conf that nats-server takes", () => {
    const server = process.env["HALLEY_NATS_SERVER"] ?? "nats-server";
    expect(() => execFileSync(server, ["-t", "-c", "infra/nats.conf"], { stdio: "pipe" })).not.toThrow();
  });
});
