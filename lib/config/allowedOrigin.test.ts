import { describe, expect, it } from "vitest";
import { originFault } from "./allowedOrigin.js";

describe("an entry of HALLEY_ALLOWED_ORIGINS", () => {
  it.each([
    "*", "loopback", "Loopback", "https://example.org", "HTTPS://Example.org", "http://localhost:8080", "https://example.org:8443", "http://[::1]:3000",
    "https://xn--bcher-kva.example", "capacitor://localhost", "chrome-extension://abcdefghijklmnop",
  ])("may be %s", (entry) => { expect(originFault(entry)).toBeUndefined(); });

  it.each([
    ["example.org", "write scheme://host[:port]"],
    ["localhost:8080", "write scheme://host[:port]"],
    ["null", "write scheme://host[:port]"],
    ["https://", "write scheme://host[:port]"],
    ["https:///example.org", "write scheme://host[:port]"],
    ["https://example.org:70000", "write scheme://host[:port]"],
    ["https://*.example.org", "there are no patterns"],
    ["https://example.org/", "write https://example.org"],
    ["https://example.org/app?a=b#c", "write https://example.org"],
    ["https://ada:pw@example.org", "write https://example.org"],
    ["https://example.org:443", "write https://example.org"],
    ["https://bücher.example", "write https://xn--bcher-kva.example"],
    ["capacitor://localhost/", "write capacitor://localhost"],
  ])("may not be %s: %s", (entry, advice) => {
    const [what, whatToDo] = originFault(entry)?.split(", which is no origin: ") ?? [];
    expect(what).toBe(`holds ${entry}`);
    expect(whatToDo?.split(/[ ;] *(?:like|write .* like)/)[0]).toBe(advice);
  });
});
