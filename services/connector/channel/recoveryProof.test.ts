import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { History } from "../../../lib/bus/history.js";
import type { Anchor } from "../../../lib/bus/range.js";
import type { StreamInfo } from "../../../lib/bus/streamInfo.js";
import { type Clock, systemClock } from "../../../lib/clock.js";
import { ChannelRig } from "../../../test/helpers/channelRig.js";
import { FakeClock } from "../../../test/helpers/fakeClock.js";
import { NATS_PROGRAMS } from "../../../test/helpers/natsPrograms.js";
import { type NatsServer, startNatsServer } from "../../../test/helpers/natsServer.js";
import { type Evidence, EXPIRY_MARGIN_MS, isProven, proveRecovery } from "./recoveryProof.js";

const NOW = 1_000_000;
const info: StreamInfo = {
  name: "HALLEY_chat", epoch: "e", created: "2026-01-01T00:00:00Z", generation: 1, firstSequence: 1, lastSequence: 100, firstTimeMs: NOW - 30_000, maxAgeMs: 60_000, maxMessagesPerSubject: 10, leader: undefined, clustered: false, isSingle: true,
};

type Case = readonly [string, boolean, Partial<Omit<Evidence, "info">>, Partial<StreamInfo>?];

describe("the proof of a recovery", () => {
  const cases: readonly Case[] = [
    ["nothing was ever on the channel", true, { firstOfChannel: undefined, count: 0, firstAfterMs: undefined }],
    ["a message at the position stands", true, { firstOfChannel: 50 }, { firstSequence: 50 }],
    ["a message below the position stands, however much the channel holds", true, { firstOfChannel: 3, count: 10 }, { firstSequence: 3 }],
    ["the channel begins after the position, and the stream before it", true, { firstOfChannel: 51, count: 9 }],
    ["the stream begins right after the position", true, { firstOfChannel: 51, count: 9 }, { firstSequence: 51 }],
    ["the stream begins one later", false, { firstOfChannel: 52, count: 9 }, { firstSequence: 52 }],
    ["the channel is at its limit", false, { firstOfChannel: 51, count: 10 }],
    ["the channel has no limit", true, { firstOfChannel: 51, count: 1_000 }, { maxMessagesPerSubject: -1 }],
    ["the channel is empty but was not always", false, { firstOfChannel: undefined, count: 0 }, { firstSequence: 90 }],
    ["the epoch is another", false, {}, { epoch: "f" }],
    ["the stream ends before the position", false, { offset: 101, readTo: 101 }],
    ["the stream ends before what was read", false, { readTo: 101 }],
    ["the stream ends exactly where the reading did", true, { readTo: 100 }],
    ["the position is 0, on a stream that has lost nothing", true, { offset: 0, firstOfChannel: 1 }],
    ["the position is 0, on a stream that has", false, { offset: 0, firstOfChannel: 2 }, { firstSequence: 2 }],
    ["the first after the position has just the margin to live", true, { firstAfterMs: NOW - 60_000 + EXPIRY_MARGIN_MS }],
    ["it has a millisecond less", false, { firstAfterMs: NOW - 60_000 + EXPIRY_MARGIN_MS - 1 }],
    ["the reading began with the position's message, and found no more than the channel may hold", true, { firstOfChannel: undefined, count: undefined, anchor: { count: 10 } }],
    ["it found one more: others came and pushed some out while it was read", false, { firstOfChannel: undefined, count: undefined, anchor: { count: 11 } }],
    ["the position's message stood, and age or size removes until behind it", false, { firstOfChannel: undefined, count: undefined, anchor: { count: 3 } }, { firstSequence: 52 }],
    ["the position's message stood on a replica, which may have caught up with a leader that had lost what follows", false, { firstOfChannel: undefined, count: undefined, anchor: { count: 3 } }, { isSingle: false }],
    ["nobody asked the channel, and as many came since as it may hold", true, { offset: 90, readTo: 95, firstOfChannel: undefined, count: undefined }],
    ["nobody asked the channel, and one more came", false, { offset: 89, readTo: 95, firstOfChannel: undefined, count: undefined }],
    ["as many came since as the channel may hold, and the stream begins behind the position", false, { offset: 90, readTo: 95, firstOfChannel: undefined, count: undefined }, { firstSequence: 92 }],
    ["nothing expires", true, { firstAfterMs: 0 }, { maxAgeMs: 0 }],
  ];

  for (const [name, proven, evidence, stream] of cases) {
    it(`${proven ? "stands" : "fails"} when ${name}`, () => {
      const whole: Evidence = { offset: 50, readTo: 60, epoch: "e", firstOfChannel: 10, count: 5, firstAfterMs: NOW - 1_000, nowMs: NOW, ...evidence, info: { ...info, ...stream } };
      expect(isProven(whole)).toBe(proven);
    });
  }
});

describe.each(NATS_PROGRAMS)("gathering the evidence, on a real stream of nats-server $version", ({ program }) => {
  let nats: NatsServer;
  let rig: ChannelRig;

  beforeAll(async () => { nats = await startNatsServer("", program); });
  afterAll(() => nats.remove());
  afterEach(() => rig.stop());

  /** The rig's history, which notes what is asked of it. */
  const noted = (asked: string[]): History => {
    const { history } = rig.feed;
    const note = <T>(question: string, answer: Promise<T>): Promise<T> => {
      asked.push(question);
      return answer;
    };
    const questions: Pick<History, "fence" | "infoAfterNow" | "endsBefore" | "firstFrom" | "countOf" | "firstOfStreamFrom"> = {
      fence: () => history.fence(),
      endsBefore: (...of) => history.endsBefore(...of),
      infoAfterNow: () => note("info", history.infoAfterNow()),
      firstFrom: (...of) => note("first", history.firstFrom(...of)),
      countOf: (...of) => note("count", history.countOf(...of)),
      firstOfStreamFrom: (...of) => note("first after", history.firstOfStreamFrom(...of)),
    };
    return questions as History;
  };
  const prove = async (offset: number, readTo: number, { clock = systemClock, anchor }: { clock?: Clock; anchor?: Anchor } = {}): Promise<{ proven: boolean; asked: string[] }> => {
    const asked: string[] = [];
    const proven = await proveRecovery(noted(asked), { subject: `halley.pub.${rig.name()}`, offset, readTo, epoch: rig.feed.epoch, anchor }, clock);
    return { proven, asked };
  };
  const start = async (messages: number): Promise<void> => {
    rig = await ChannelRig.start([nats.url], { history: { messages } });
  };

  it("counts before it asks the stream again, so that what age takes in between can't hide what the limit took", async () => {
    await start(5);
    await rig.publish(0, "other");
    for (let n = 1; n <= 6; n++) await rig.publish(n);
    expect(await prove(1, 7)).toEqual({ proven: false, asked: ["info", "first", "count", "info"] });
    await rig.publish(7, "other");
    await rig.publish(8, "other");
    expect(await prove(3, 7)).toEqual({ proven: true, asked: ["info", "first", "info"] });
  });

  it("asks nothing of the channel where fewer came since than it may hold, where it was anchored, and where it can't be proven", async () => {
    await start(5);
    for (let n = 1; n <= 8; n++) await rig.publish(n);
    expect(await prove(4, 8)).toEqual({ proven: true, asked: ["info"] });
    for (let n = 1; n <= 5; n++) await rig.publish(n, "other");
    expect(await prove(4, 8)).toEqual({ proven: true, asked: ["info", "first", "info"] });
    expect(await prove(4, 8, { anchor: { count: 5 } })).toEqual({ proven: true, asked: ["info"] });
    expect(await prove(4, 8, { anchor: { count: 6 } })).toEqual({ proven: true, asked: ["info", "first", "info"] });
    expect(await prove(2, 8, { anchor: { count: 5 } })).toEqual({ proven: false, asked: ["info"] });
  });

  it("looks for the first message after the position only when the stream's first is about to expire", async () => {
    await start(5);
    for (let n = 1; n <= 3; n++) await rig.publish(n);
    const inTime = (ms: number): { readonly clock: FakeClock } => ({ clock: new FakeClock(Date.now() + ms) });
    expect(await prove(1, 3, inTime(3_600_000 - 4_000))).toEqual({ proven: false, asked: ["info", "first after"] });
    expect(await prove(3, 3, inTime(3_600_000 - 4_000))).toEqual({ proven: true, asked: ["info", "first after"] });
    expect(await prove(1, 3, inTime(3_600_000 - 8_000))).toEqual({ proven: true, asked: ["info"] });
  });

  it("believes no leader of a cluster that hasn't reached a tick which was stored before it was asked", async () => {
    await start(5);
    for (let n = 1; n <= 6; n++) await rig.publish(n);
    const { history } = rig.feed;
    const proof = { subject: `halley.pub.${rig.name()}`, offset: 3, readTo: 6, epoch: rig.feed.epoch };
    expect(await proveRecovery(history, proof, systemClock)).toBe(true);
    vi.spyOn(history, "fence").mockResolvedValueOnce(7);
    await expect(proveRecovery(history, proof, systemClock)).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    // So much came since that the stream's own state is no proof.
    for (let n = 1; n <= 5; n++) await rig.publish(n, "other");
    vi.spyOn(history, "fence").mockResolvedValueOnce(12);
    vi.spyOn(history, "infoAfterNow").mockResolvedValueOnce({ ...(await history.infoAfterNow()), lastSequence: 12 });
    vi.spyOn(history, "countOf").mockImplementationOnce(async () => {
      const counted = await history.countOf(`halley.pub.${rig.name("other")}`);
      await rig.publish(7, "other");
      return counted;
    });
    // Who counted was behind, and who told of the stream was not.
    await expect(proveRecovery(history, { ...proof, offset: 1 }, systemClock)).rejects.toMatchObject({ reason: "NATS_UNAVAILABLE" });
    vi.restoreAllMocks();
  });

  it("proves a channel that never had a message, and none of another history", async () => {
    await start(5);
    await rig.publish(1, "other");
    expect(await prove(1, 1)).toMatchObject({ proven: true });
    const asked: string[] = [];
    expect(await proveRecovery(noted(asked), { subject: `halley.pub.${rig.name()}`, offset: 1, readTo: 1, epoch: "another" }, systemClock)).toBe(false);
  });
});
