import { describe, expect, it } from "vitest";
import { Secret } from "./secret.js";

describe("secret", () => {
  it("equals the same text only", () => {
    const secret = new Secret("key-of-the-backend");
    expect(secret.equals(new Secret("key-of-the-backend"))).toBe(true);
    for (const other of ["", "key-of-the-backen", "key-of-the-backend ", "KEY-of-the-backend"]) expect(secret.equals(new Secret(other))).toBe(false);
  });
});
