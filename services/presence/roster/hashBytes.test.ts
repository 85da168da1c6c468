import { describe, expect, it } from "vitest";
import { hashBytes, makeHashKey } from "./hashBytes.js";

describe("hash of bytes", () => {
  const key = { low: 0x03020100, high: 0x07060504 };
  const hash = (text: string): number => hashBytes(Buffer.from(text), 0, Buffer.byteLength(text), key);

  it("is HalfSipHash-1-3: the vectors of the Linux kernel's self-test, of the bytes 0, 1, 2 and so on", () => {
    const bytes = Uint8Array.from({ length: 8 }, (_, at) => at);
    const hashes = Array.from({ length: 8 }, (_, length) => hashBytes(bytes, 0, length, key));
    expect(hashes).toEqual([0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6]);
  });

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
