import { describe, expect, it } from "vitest";
import { eventually } from "../../../test/helpers/eventually.js";
import { FakeClock } from "../../../test/helpers/fakeClock.js";
import { silentLog } from "../../../lib/log.js";
import { Audit, type AuditedChannel } from "./audit.js";
import { NamespaceProofs } from "./namespaceProofs.js";
import { Standing } from "./standing.js";

const SUBJECT = "halley.pub.chat.a";
const TICK = "halley.pub.chat.$tick";

/** One channel that was seen up to 10, of a stream whose replicas say that it holds 20. */
class Rig {
  readonly clock = new FakeClock();
  readonly proofs = new NamespaceProofs(this.clock);
  readonly expected: number[] = [];
  readonly channel: AuditedChannel;
  epoch = "one";
  asked = 0;

  constructor() {
    const standing = new Standing(this.proofs, this.clock);
    standing.begin("one", 10, 10);
    this.channel = { subject: SUBJECT, standing, expect: (sequence) => this.expected.push(sequence), resync: () => undefined };
  }

  /** Audits, up to where it waits for what may be on its way. */
  async audit(): Promise<Audit> {
    const audit = new Audit({
      clock: this.clock,
      log: silentLog,
      history: {
        stream: "HALLEY_chat",
        lastOfMany: () => Promise.resolve({ newest: new Map([[SUBJECT, 20], [TICK, 30]]), upTo: 30, unreadable: 0 }),
        infoAfterNow: () => {
          this.asked += 1;
          return Promise.resolve({ firstSequence: 1 });
        },
      },
      proofs: this.proofs,
      channels: () => [this.channel],
      refresh: () => Promise.resolve(true),
      epoch: () => this.epoch,
      tickSubject: TICK,
      recentTick: () => Promise.resolve(30),
    });
    audit.start();
    this.clock.advance(10_000);
    await eventually(() => this.asked === 1 && this.clock.timers === 1);
    return audit;
  }
}

describe("audit", () => {
  it("has what was lost on its way read, and proves everything up to the tick", async () => {
    const rig = new Rig();
    const audit = await rig.audit();
    rig.clock.advance(250);
    await eventually(() => rig.proofs.newest.sequence === 30);
    expect(rig.expected).toEqual([20]);
    audit.stop();
  });

  it("takes nothing that arrived meanwhile for lost", async () => {
    const rig = new Rig();
    const audit = await rig.audit();
    rig.channel.standing.see(20);
    rig.clock.advance(250);
    await eventually(() => rig.proofs.newest.sequence === 30);
    expect(rig.expected).toEqual([]);
    audit.stop();
  });

  it("expects nothing of a history that is another one by now", async () => {
    const rig = new Rig();
    const audit = await rig.audit();
    rig.epoch = "two";
    rig.channel.standing.begin("two", 3, 3);
    rig.clock.advance(250);
    await eventually(() => rig.clock.timers === 1);
    expect(rig.expected).toEqual([]);
    expect(rig.proofs.newest.sequence).toBe(0);
    audit.stop();
  });
});
