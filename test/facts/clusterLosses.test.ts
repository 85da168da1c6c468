import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { FactCluster } from "../helpers/factCluster.js";
import { type FactStream, numbersOf, placesOf } from "../helpers/factRig.js";
import { hasClusterServer } from "../helpers/natsCluster.js";

/** A leader that changes meanwhile, on a busy machine, spoils the trial, not the fact. */
const TRIALS = { retry: 2 };

/** What the audit, nudges and the leader's word are there for. */
describe.skipIf(!hasClusterServer)("what a cluster of three loses (needs nats-server 2.11 or newer: scripts/require.sh nats-cluster)", () => {
  let rig: FactCluster;
  beforeAll(async () => { rig = await FactCluster.start(); }, 60_000);
  afterAll(() => rig.stop());
  beforeEach(() => rig.connect());
  afterEach(() => {
    rig.cluster.routes.healAll();
    return rig.disconnect();
  });

  /** Stores under an id of its own until that is confirmed, as Halley does. */
  const storeSurely = (stream: FactStream, n: number): Promise<number> => eventually(async () => (await stream.store("x", { "Nats-Msg-Id": String(n) }, String(n))).seq, 20_000);

  it("a cut route swallows what is republished meanwhile: the subscriber's connection stays, and nothing is sent again", TRIALS, async () => {
    const { leader, other, byLeader, byOther } = await rig.stream();
    const heard = await byOther.hear();
    await byLeader.store();
    await eventually(() => heard.length === 1);
    const { cluster } = rig;
    cluster.routes.cut(leader.name, other.name);
    for (let n = 2; n <= 4; n++) expect((await byLeader.store()).seq).toBe(n);
    cluster.routes.heal(leader.name, other.name);
    // The route is back when what is stored now arrives.
    await eventually(async () => {
      await byLeader.store();
      return heard.length > 1;
    });
    const [first, second] = placesOf(heard);
    expect(first).toEqual([1, 0]);
    // The one before it, which never came, is named: so there is a gap to be seen where anything comes at all.
    expect(second?.[0]).toBeGreaterThan(4);
    expect(second?.[1]).toBe((second?.[0] ?? 0) - 1);
    expect(rig.at(other).isClosed()).toBe(false);
  });

  it("a replica that lags behind answers Direct Get with what it has, and says nothing of that; the leader knows", async () => {
    const { byLeader, byOther } = await rig.stream();
    const newest = async (): Promise<number | undefined> => numbersOf(await byOther.directGet({ last_by_subj: byOther.subject() }), "Nats-Sequence")[0];
    const { routes } = rig.cluster;
    routes.delayMs = 300;
    try {
      // Replicas begin to answer some seconds after the stream was made.
      await eventually(async () => {
        const { seq = 0 } = await byLeader.store();
        // Acknowledged when most have it; a replica gives it away when it has heard of that.
        const answers = await Promise.all(Array.from({ length: 30 }, newest));
        expect((await byLeader.ask<{ message: { seq: number } }>("STREAM.MSG.GET", { last_by_subj: byLeader.subject() })).message.seq).toBe(seq);
        return answers.includes(seq - 1);
      }, 20_000);
    } finally {
      routes.delayMs = 0;
    }
  }, 30_000);

  it("after changes of leader under load, which leave some unrepublished, each message that comes names the one before all the same", async () => {
    const { byLeader, byOther } = await rig.stream();
    const heard = await byOther.hear();
    let stored = 0;
    for (let round = 0; round < 6; round++) {
      const load = Array.from({ length: 200 }, (_, index) => storeSurely(index % 2 === 0 ? byLeader : byOther, stored + index));
      await rig.elect(byOther);
      await Promise.all(load);
      stored += 200;
    }
    const { state } = await byOther.info();
    expect([state.messages, state.last_seq]).toEqual([stored, stored]);
    await storeSurely(byOther, stored);
    await eventually(() => placesOf(heard).some(([sequence]) => sequence === stored + 1));
    for (const [sequence = 0, last] of placesOf(heard)) expect(last, `of ${String(sequence)}`).toBe(sequence - 1);
  }, 120_000);
});
