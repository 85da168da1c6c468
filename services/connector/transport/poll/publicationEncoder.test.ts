import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { UntypedPayload } from "../../../../lib/schema/checkedPayload.js";
import { Publication } from "../../channel/publication.js";
import { PublicationEncoder } from "./publicationEncoder.js";

const publication = (offset: number, size = 0): Publication =>
  new Publication({ channel: "chat.x", offset, type: "", payload: new UntypedPayload(JSON.stringify({ n: offset, more: "x".repeat(size) })), sender: "", time: "", tags: undefined });

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function heldAfterCollecting(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

describe("publication encoder", () => {
  it("gives the frames with commas between them, the same text to all who ask for the same list", () => {
    const encoder = new PublicationEncoder();
    const list = [publication(1), publication(2)];
    const { text, bytes } = encoder.encode(list);
    expect((JSON.parse(`[${text}]`) as object[]).length).toBe(2);
    expect(bytes).toBe(Buffer.byteLength(text));
    expect(encoder.encode(list)).toBe(encoder.encode(list));
    const remembered = encoder.bytes;
    expect(remembered).toBeGreaterThan(bytes);
    expect(encoder.encode([publication(1)]).text).toBe(text.slice(0, text.indexOf("},{") + 1));
    expect(encoder.bytes).toBe(remembered);
  });

  it("remembers no more than its bound, and the newest", () => {
    const encoder = new PublicationEncoder();
    const lists = Array.from({ length: 12 }, () => [publication(1, 250_000), publication(2, 250_000)]);
    for (const list of lists) {
      encoder.encode(list);
      expect(encoder.bytes).toBeLessThanOrEqual(4 * 2 ** 20);
    }
    const [oldest = [], newest = []] = [lists[0], lists.at(-1)];
    const before = encoder.encode(newest);
    encoder.encode(oldest);
    expect(encoder.encode(newest)).toBe(before);
    const huge = Array.from({ length: 10 }, () => publication(1, 500_000));
    encoder.encode(huge);
    expect(encoder.bytes).toBe(0);
  });

  it("holds no more than it counts: not the publications, whatever becomes of them", () => {
    const encoder = new PublicationEncoder();
    const before = heldAfterCollecting();
    for (let channel = 0; channel < 60_000; channel++) encoder.encode([publication(2 * channel + 1), publication(2 * channel + 2)]);
    expect(heldAfterCollecting() - before).toBeLessThan(2 * 4 * 2 ** 20);
    expect(encoder.bytes).toBeGreaterThan(0);
  });
});
