import { describe, expect, it } from "vitest";
import { ChannelLedger } from "../../stress/world/ledger.js";
import { ChannelRecord } from "../../stress/clients/record.js";

const epoch = "e";

/** A client that stands at 10, and a channel in which so many messages were stored after that. */
function behindBy(count: number): { record: ChannelRecord; ledger: ChannelLedger; end: { offset: number; epoch: string } } {
  const [record, ledger] = [new ChannelRecord("short.a"), new ChannelLedger()];
  record.subscribed(true, { offset: 10, epoch }, undefined);
  for (let n = 1; n <= count; n++) {
    ledger.begin(n);
    ledger.acknowledge({ offset: 10 + n, epoch }, n);
  }
  return { record, ledger, end: { offset: 10 + count, epoch } };
}

describe("the record of a channel", () => {
  it("finds news of a loss unfounded where the history still holds all that came since", () => {
    const { record, ledger, end } = behindBy(19);
    record.reset("HISTORY_LOST", end);
    expect(record.check(ledger)).toEqual([]);
    expect(record.unfounded(ledger, 20)).toEqual(["short.a: told of a loss (HISTORY_LOST) though only 19 messages came since 10"]);
    const full = behindBy(20);
    full.record.reset("HISTORY_LOST", full.end);
    expect(full.record.unfounded(full.ledger, 20)).toEqual([]);
    const asked = behindBy(19);
    asked.record.subscribed(false, asked.end, { offset: 10, epoch });
    expect(asked.record.unfounded(asked.ledger, 20)).toHaveLength(1);
  });

  it("counts what was sent by then, also where it was acknowledged later, and nothing that came after", () => {
    const { record, ledger, end } = behindBy(19);
    ledger.begin(20);
    record.reset("HISTORY_LOST", end);
    ledger.acknowledge({ offset: 30, epoch }, 20);
    expect(record.unfounded(ledger, 20)).toEqual([]);
    const early = behindBy(19);
    early.record.reset("HISTORY_LOST", early.end);
    const from = performance.now();
    while (performance.now() === from);
    early.ledger.begin(20);
    early.ledger.acknowledge({ offset: 30, epoch }, 20);
    expect(early.record.unfounded(early.ledger, 20)).toHaveLength(1);
  });

  it("forgets it when it is sealed", () => {
    const { record, ledger, end } = behindBy(3);
    record.reset("HISTORY_LOST", end);
    record.seal();
    expect(record.unfounded(ledger, 20)).toEqual([]);
  });
});
