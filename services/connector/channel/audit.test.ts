import { describe, expect, it } from "vitest";
import type { LastOfMany } from "../../../lib/bus/lastOfMany.js";
import { eventually } from "../../../test/helpers/eventually.js";
import { FakeClock } from "../../../test/helpers/fakeClock.js";
import { silentLog } from "../../../lib/log.js";
import { Audit, type AuditedChannel } from "./audit.js";
import { NamespaceProofs } from "./namespaceProofs.js";
import { Standing } from "./standing.js";

const SUBJECT = "halley.pub.chat.a";
const TICK = "halley.pub.chat.$tick";

const WHOLE: LastOfMany = { newest: new Map([[SUBJECT, 20], [TICK, 30]]), upTo: 30, unreadable: 0 };
/** A replica that has neither the tick nor what was stored last. */
const LAGGING: LastOfMany = { newest: new Map(), upTo: 15, unreadable: 0 };

/** One channel that was seen up to 10, of a stream whose replicas say that it holds 20. */
class Rig {
  readonly clock = new FakeClock();
  readonly proofs = new NamespaceProofs(this.clock);
  readonly expected: number[] = [];
  readonly channel: AuditedChannel;
  readonly startedAtMs = this.clock.monotonicMs();
  epoch = "one";
  asked = 0;
  /** What replicas answer, one after another; the last again and again. */
  answers: LastOfMany[] = [WHOLE];

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
        lastOfMany: () => Promise.resolve((this.answers.length > 1 ? this.answers.shift() : this.answers[0]) ?? WHOLE),
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
    // A replica that lags is asked again a moment later.
    await eventually(() => {
      if (this.asked === 0) this.clock.advance(this.clock.timers === 1 ? 200 : 0);
      return this.asked === 1 && this.clock.timers === 1;
    });
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

  it("asks again where a replica lags, and believes who has the tick", async () => {
    const rig = new Rig();
    rig.answers = [LAGGING, { ...LAGGING, upTo: 29 }, WHOLE];
    const audit = await rig.audit();
    rig.clock.advance(250);
    await eventually(() => rig.proofs.newest.sequence === 30);
    expect(rig.expected).toEqual([20]);
    audit.stop();
  });

  it("proves nothing while all replicas lag, and audits again after a second", async () => {
    const rig = new Rig();
    rig.answers = [...Array<LastOfMany>(5).fill(LAGGING), WHOLE];
    const audit = await rig.audit();
    // The first audit ended without an answer: this is the second.
    expect(rig.answers).toEqual([WHOLE]);
    expect(rig.clock.monotonicMs() - rig.startedAtMs).toBeGreaterThanOrEqual(11_000);
    expect(rig.proofs.newest.sequence).toBe(0);
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
