import { describe, expect, it } from "vitest";
import { hashBytes, makeHashKey } from "./hashBytes.js";

describe("hash of bytes", () => {
  const key = { low: 0x03020100, high: 0x07060504 };
  const hash = (text: string): number => hashBytes(Buffer.from(text), 0, Buffer.byteLength(text), key);

  it("is what it was, wherever the bytes stand", () => {
    const page = Buffer.from("..ada.lovelace..");
    expect(hashBytes(page, 2, 12, key)).toBe(hash("ada.lovelace"));
    expect(hash("ada.lovelace")).not.toBe(hash("ada.lovelacf"));
    expect(hash("a")).not.toBe(hash("a\0"));
  });

  it("can't be foretold without the key", () => {
    const bytes = Buffer.from("ada");
    const hashes = Array.from({ length: 8 }, () => hashBytes(bytes, 0, 3, makeHashKey()));
    expect(new Set(hashes).size).toBeGreaterThan(1);
  });

  it("spreads ids that are alike: no chain of a full table is long", () => {
    const chains = new Map<number, number>();
    for (let n = 0; n < 65_536; n++) {
      const chain = hash(`user-${String(n)}`) & 0xffff;
      chains.set(chain, (chains.get(chain) ?? 0) + 1);
    }
    expect(Math.max(...chains.values())).toBeLessThan(12);
  });
});
