import { headers, type MsgHdrs } from "nats";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { FactCluster } from "../helpers/factCluster.js";
import { placesOf } from "../helpers/factRig.js";
import { hasClusterServer } from "../helpers/natsCluster.js";

describe.skipIf(!hasClusterServer)("a cluster of three (needs nats-server 2.11 or newer: scripts/require.sh nats-cluster)", () => {
  let rig: FactCluster;
  beforeAll(async () => { rig = await FactCluster.start(); }, 60_000);
  afterAll(() => rig.stop());
  beforeEach(() => rig.connect());
  afterEach(() => rig.disconnect());

  it("answers a barrier behind the interest that was taken before it, over routes of 20 ms", async () => {
    const { byLeader, byOther } = await rig.stream();
    rig.cluster.routes.delayMs = 20;
    await byLeader.store();
    const end = new AbortController();
    // Ends with the first failure, too: a closed connection refuses at once, again and again.
    const flood = (async () => { while (!end.signal.aborted) await byLeader.store(); })().catch((error: unknown) => error);
    try {
      for (let round = 0; round < 5; round++) {
        const heard = await byOther.hear();
        expect(await byOther.store("$tick", { "Nats-Expected-Stream": "-" }, "")).toMatchObject({ error: { err_code: 10060 } });
        const newest = (await byOther.ask<{ message: { seq: number } }>("STREAM.MSG.GET", { last_by_subj: byOther.subject() })).message.seq;
        const { seq: until = 0 } = await byOther.store();
        const sequences = placesOf(heard).map(([sequence = 0]) => sequence).filter((sequence) => sequence > newest && sequence <= until);
        expect(sequences).toEqual(Array.from({ length: until - newest }, (_, index) => newest + 1 + index));
      }
    } finally {
      end.abort();
      rig.cluster.routes.delayMs = 0;
    }
    expect(await flood).toBeUndefined();
  });

  it("names a stream's leader, and announces another one", async () => {
    const { leader, byOther } = await rig.stream();
    const announced: string[] = [];
    byOther.connection.subscribe(`$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.${byOther.config.name}`, { callback: (_, message) => announced.push(message.json<{ leader: string }>().leader) });
    await byOther.connection.flush();
    await rig.elect(byOther);
    const elected = await rig.leaderOf(byOther);
    expect(elected).not.toBe(leader);
    await eventually(() => announced.includes(elected.name));
  });

  it("acknowledges a duplicate with the first's sequence after a change of leader, and stores nothing", async () => {
    const { byOther } = await rig.stream();
    const { seq } = await byOther.store("x", { "Nats-Msg-Id": "a" });
    await rig.elect(byOther);
    expect(await eventually(() => byOther.store("x", { "Nats-Msg-Id": "a" }))).toMatchObject({ duplicate: true, seq });
    expect((await byOther.info()).state.messages).toBe(1);
  });

  it("tells the second of two publishes in flight with one id to try again (10158), or that it is a duplicate", async () => {
    const { byLeader } = await rig.stream();
    for (let round = 1; round <= 20; round++) {
      const forged = { "Nats-Msg-Id": String(round) };
      const [first, second] = await Promise.all([byLeader.store("x", forged), byLeader.store("x", forged)]);
      expect(first.seq).toBe(round);
      if (second.error) expect(second.error.err_code).toBe(10158);
      else expect(second).toMatchObject({ duplicate: true, seq: round });
    }
    expect((await byLeader.info()).state.messages).toBe(20);
  });

  it("doesn't answer, or says 503, while no leader can be had, and stores what is sent again under its id once", async () => {
    const { leader, byLeader } = await rig.stream();
    const others = rig.cluster.nodes.filter((node) => node !== leader);
    for (const node of others) node.process.kill("SIGSTOP");
    const unanswered = await byLeader.connection.request(byLeader.subject(), "{}", { timeout: 500, headers: idOf("a") }).then((answer) => answer.json<{ error?: { code: number } }>().error?.code, () => undefined);
    for (const node of others) node.process.kill("SIGCONT");
    expect([undefined, 503]).toContain(unanswered);
    const again = await eventually(async () => {
      const answer = await byLeader.store("x", { "Nats-Msg-Id": "a" });
      return answer.error ? undefined : answer;
    }, 20_000);
    expect([again.seq, (await byLeader.info()).state.messages]).toEqual([1, 1]);
  }, 40_000);
});

function idOf(name: string): MsgHdrs {
  const made = headers();
  made.set("Nats-Msg-Id", name);
  return made;
}
