import { describe, expect, it } from "vitest";
import { olderThan } from "./serverVersion.js";

describe("server version", () => {
  it.each([
    ["2.9.9", "2.9.10", true],
    ["2.9.10", "2.9.10", false],
    ["2.10.0", "2.9.10", false],
    ["1.99.99", "2.9.10", true],
    ["2.11.0-RC.1", "2.11.0", false],
    ["3", "2.9.10", false],
    ["", "2.9.10", true],
  ])("%s is older than %s: %s", (version, other, older) => {
    expect(olderThan(version, other)).toBe(older);
  });
});
