import { describe, expect, it } from "vitest";
import { FakeClock } from "../test/fakeClock.js";
import { type ClientFrame } from "./frames.js";
import { type Outcome, Requests, REQUESTS_AT_ONCE, REQUESTS_PER_SECOND } from "./requests.js";

function setUp(): { clock: FakeClock; sent: ClientFrame[]; outcomes: Outcome[]; requests: Requests; ask: () => () => boolean } {
  const clock = new FakeClock();
  const sent: ClientFrame[] = [];
  const outcomes: Outcome[] = [];
  const requests = new Requests(clock, (frame) => sent.push(frame), () => undefined);
  const ask = (): (() => boolean) => requests.ask({ members: { channel: "chat.a" } }, (outcome) => outcomes.push(outcome));
  return { clock, sent, outcomes, requests, ask };
}

describe("requests", () => {
  it("are matched with their answers by id, whatever the order", () => {
    const { sent, outcomes, requests, ask } = setUp();
    ask();
    ask();
    for (const id of [sent[1]?.id ?? 0, sent[0]?.id ?? 0]) requests.answer({ id, members: { sessions: id } });
    expect(outcomes.map((outcome) => "answer" in outcome && outcome.answer.members?.sessions)).toEqual([2, 1]);
    expect(requests.answer({ id: 1, members: {} })).toBe(false);
  });

  it("fail when no answer comes within 15 s", async () => {
    const { clock, outcomes, ask } = setUp();
    ask();
    await clock.advance(14_999);
    expect(outcomes).toEqual([]);
    await clock.advance(1);
    expect(outcomes).toMatchObject([{ error: { reason: "NO_ANSWER", retryable: true } }]);
  });

  it("stay below the connector's limit: the ones past the pace wait for their turn, in order", async () => {
    const { clock, sent, ask } = setUp();
    for (let count = 0; count < REQUESTS_AT_ONCE + 2 * REQUESTS_PER_SECOND; count += 1) ask();
    expect(sent).toHaveLength(REQUESTS_AT_ONCE);
    await clock.advance(1_000);
    expect(sent).toHaveLength(REQUESTS_AT_ONCE + REQUESTS_PER_SECOND);
    await clock.advance(1_000);
    expect(sent.map(({ id }) => id)).toEqual(sent.map((_, index) => index + 1));
  });

  it("can be taken back before their turn has come", () => {
    const { sent, outcomes, requests, ask } = setUp();
    for (let count = 0; count < REQUESTS_AT_ONCE; count += 1) ask();
    const takeBack = ask();
    expect(takeBack()).toBe(true);
    expect(takeBack()).toBe(false);
    requests.abandon();
    expect(outcomes).toHaveLength(REQUESTS_AT_ONCE);
    expect(sent).toHaveLength(REQUESTS_AT_ONCE);
  });

  it("are lost with their link, and leave no timer", () => {
    const { clock, outcomes, requests, ask } = setUp();
    ask();
    requests.abandon();
    expect(outcomes).toMatchObject([{ error: { reason: "CONNECTION_LOST" } }]);
    expect(clock.timers).toBe(0);
  });
});
