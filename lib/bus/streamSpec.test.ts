import { describe, expect, it } from "vitest";
import { generationOf } from "./streamInfo.js";
import { changedStream, deadLetterStream, namespaceStream, nextGeneration, type StreamConfig, streamFaults, withGeneration } from "./streamSpec.js";

const HOUR_NS = 3_600e9;
const NOW_MS = 1_800_000_000_999;
const RAISED = 1_800_000_000;
const history = { messages: 1_000, ageMs: 3_600_000, bytes: 2 ** 30 };
const spec = (changes: Partial<typeof history> = {}): StreamConfig => namespaceStream("chat", { ...history, ...changes }, 1);
const stored = (changes: Partial<StreamConfig> = {}): StreamConfig => withGeneration({ ...spec(), ...changes }, 3);
const generationAfter = (current: StreamConfig, wanted: StreamConfig): number | undefined => {
  const changed = changedStream(current, wanted, NOW_MS);
  return changed && generationOf(changed.description);
};

describe("stream spec", () => {
  it("takes in the bare namespace and everything below, and republishes it", () => {
    expect(spec()).toMatchObject({
      name: "HALLEY_chat",
      subjects: ["halley.pub.chat", "halley.pub.chat.>"],
      republish: { src: "halley.pub.>", dest: "halley.out.>" },
      storage: "file",
      max_msgs_per_subject: 1_000,
      max_age: HOUR_NS,
      max_bytes: 2 ** 30,
    });
  });

  it("remembers message ids for ten minutes, or as long as the history where that is shorter", () => {
    expect(spec().duplicate_window).toBe(600e9);
    expect(spec({ ageMs: 30_000 }).duplicate_window).toBe(30e9);
  });

  it("bounds the dead letters", () => {
    expect(deadLetterStream(3)).toMatchObject({ max_msgs: 10_000, max_age: 7 * 24 * HOUR_NS, max_bytes: 256 * 2 ** 20, num_replicas: 3 });
  });

  it("leaves alone what is as it should be", () => {
    expect(changedStream(stored(), spec(), NOW_MS)).toBeUndefined();
  });

  it.each([
    ["messages per channel", { messages: 1_001 }],
    ["age", { ageMs: 3_600_001 }],
    ["bytes", { bytes: 2 ** 30 + 1 }],
  ])("raises the generation when more %s are kept", (_, changes) => {
    expect(generationAfter(stored(), spec(changes))).toBe(RAISED);
  });

  it.each([{ messages: 999 }, { ageMs: 1_800_000 }, { bytes: 2 ** 29 }])("keeps the generation when less is kept: %j", (changes) => {
    expect(generationAfter(stored(), spec(changes))).toBe(3);
  });

  it("takes no limit for the highest limit", () => {
    expect(generationAfter(stored({ max_bytes: -1, max_age: 0 }), spec())).toBe(3);
    expect(generationAfter(stored({ max_msgs: 5 }), spec())).toBe(RAISED);
  });

  it("keeps what it is silent about", () => {
    expect(changedStream(stored({ mirror_direct: true } as Partial<StreamConfig>), spec({ messages: 5 }), NOW_MS)).toHaveProperty("mirror_direct", true);
  });

  it("raises the generation when it mends what made the history doubtful", () => {
    expect(generationAfter(stored({ deny_delete: false }), spec())).toBe(RAISED);
  });

  it("never gives a generation twice, also where a clock is behind, or several raise it at once", () => {
    expect([nextGeneration(3, NOW_MS), nextGeneration(3, NOW_MS - 900), nextGeneration(RAISED, NOW_MS), nextGeneration(RAISED + 5, NOW_MS)]).toEqual([RAISED, RAISED, RAISED + 1, RAISED + 6]);
  });

  it("finds no fault with its own streams", () => {
    expect(streamFaults(spec())).toEqual([]);
  });

  it.each([
    [{ storage: "memory" }, "storage"],
    [{ retention: "workqueue" }, "retention"],
    [{ discard: "new" }, "discards new"],
    [{ deny_delete: false }, "deny_delete"],
    [{ deny_purge: false }, "deny_purge"],
    [{ allow_rollup_hdrs: true }, "roll-ups"],
    [{ allow_msg_ttl: true }, "TTLs"],
    [{ allow_direct: false }, "direct gets"],
    [{ sealed: true }, "sealed"],
    [{ no_ack: true }, "acknowledge"],
    [{ mirror: { name: "x" } }, "mirror"],
    [{ sources: [{ name: "x" }] }, "sources"],
    [{ subject_transform: { src: "a", dest: "b" } }, "transforms"],
    [{ republish: { src: ">", dest: "x.>" } }, "republish"],
  ])("finds the fault of %j", (changes, fault) => {
    expect(streamFaults(stored(changes))).toEqual([expect.stringContaining(fault)]);
  });
});
