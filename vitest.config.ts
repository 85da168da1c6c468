import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["bench/**/*.test.ts", "lib/**/*.test.ts", "services/**/*.test.ts", "cli/**/*.test.ts", "client/**/*.test.ts", "test/**/*.test.ts"],
    globalSetup: ["test/helpers/buildOnce.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Each suite starts its own nats-server; two cores carry a few at a time.
    maxWorkers: 3,
  },
});
