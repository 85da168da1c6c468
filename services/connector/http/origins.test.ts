import { describe, expect, it } from "vitest";
import { Origins } from "./origins.js";

describe("origins", () => {
  const allowed = (list: readonly string[], origin: string | undefined): boolean => new Origins(list).allows(origin);

  it("lets programs through that send none", () => {
    expect(allowed([], undefined)).toBe(true);
  });

  it.each(["https://example.org", "HTTPS://Example.org"])("allows what is listed: %s", (origin) => {
    expect(allowed(["https://Example.org"], origin)).toBe(true);
  });

  it.each(["http://example.org", "https://example.org:8443", "https://www.example.org", "https://example.org.evil.com", "null", "", "loopback", "http://localhost"])(
    "refuses what is not: %j",
    (origin) => { expect(allowed(["https://example.org"], origin)).toBe(false); },
  );

  it("allows everything by *", () => {
    expect([allowed(["*"], "https://any.org"), allowed(["*"], "null")]).toEqual([true, true]);
  });

  it.each(["http://localhost:8080", "https://localhost", "http://127.0.0.1:1", "http://[::1]:8080"])("takes %s for loopback", (origin) => {
    expect(allowed(["loopback"], origin)).toBe(true);
  });

  it.each(["http://localhost.evil.com", "http://127.0.0.1.evil.com", "http://evil.com/localhost", "http://evil.com?localhost", "null", "localhost", "loopback"])("doesn't take %s for loopback", (origin) => {
    expect(allowed(["loopback"], origin)).toBe(false);
  });
});
