import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { FactRig, type FactStream } from "../helpers/factRig.js";
import { NATS_PROGRAMS } from "../helpers/natsPrograms.js";
import { backUp, restore } from "../helpers/streamBackup.js";

describe.each(NATS_PROGRAMS)("what a stream says of itself: nats-server $version", (program) => {
  let rig: FactRig;
  beforeAll(async () => { rig = await FactRig.start(program); });
  afterAll(() => rig.stop());

  const bounds = async (stream: FactStream): Promise<number[]> => {
    const { first_seq: first, last_seq: last, messages } = (await stream.info()).state;
    return [first, last, messages];
  };

  it("its first sequence moves with what limits remove, a hole in the middle doesn't move it", async () => {
    const stream = await rig.stream({ messages: 1 });
    const [first, last] = await bounds(stream);
    // Never above the first that will be stored.
    expect([first === 0 || first === 1, last]).toEqual([true, 0]);
    for (const channel of ["x", "y", "y"]) await stream.store(channel);
    expect(await bounds(stream)).toEqual([1, 3, 2]);
    await stream.store("x");
    expect(await bounds(stream)).toEqual([3, 4, 2]);
  });

  it("empty by age, it still knows its last sequence, and begins one above it; restarts and kills included", async () => {
    const stream = await rig.stream({ ageMs: 500 });
    await stream.storeMany(5);
    await eventually(async () => (await stream.info()).state.messages === 0);
    expect(await bounds(stream)).toEqual([6, 5, 0]);
    for (const hard of [false, true]) {
      await rig.restart(hard);
      expect(await bounds(stream)).toEqual([6, 5, 0]);
    }
    expect((await stream.store()).seq).toBe(6);
  });

  it("what age takes while the server is down is gone when it is back, and the first sequence says so", async () => {
    const stream = await rig.stream({ ageMs: 500 });
    await stream.storeMany(5);
    const { created } = await stream.info();
    await rig.restart(true);
    await eventually(async () => (await stream.info()).state.messages === 0);
    expect(await bounds(stream)).toEqual([6, 5, 0]);
    expect((await stream.info()).created).toBe(created);
  });

  it("when its first message was stored, and its creation, which an update leaves as it is, with the description", async () => {
    const stream = await rig.stream({}, { description: "Halley: generation 7" });
    await stream.store();
    const { created, state } = await stream.info();
    expect(Math.abs(Date.parse(state.first_ts) - Date.now())).toBeLessThan(60_000);
    expect((await stream.ask("STREAM.UPDATE", { ...stream.config, max_msgs_per_subject: 7 })).error).toBeUndefined();
    await rig.restart();
    expect(await stream.info()).toMatchObject({ created, config: { description: "Halley: generation 7", max_msgs_per_subject: 7 } });
  });

  it("a server without a cluster names no cluster, and no replicas", async () => {
    const { cluster } = await (await rig.stream()).info();
    expect([cluster?.name ?? "", cluster?.replicas ?? []]).toEqual(["", []]);
  });

  it("a stream that is made again has another creation", async () => {
    const stream = await rig.stream();
    const { created } = await stream.info();
    await stream.ask("STREAM.DELETE");
    expect(await stream.info()).toMatchObject({ error: { err_code: 10059 } });
    await stream.ask("STREAM.CREATE", stream.config);
    expect((await stream.info()).created).not.toBe(created);
  });

  it("restored from a back-up it has the description, the sequences and times that it had, and its creation (2.9) or a later one (2.15)", async () => {
    const stream = await rig.stream({ ageMs: 3_600_000 }, { description: "Halley: generation 7" });
    await stream.storeMany(5);
    const before = await stream.info();
    const backup = await backUp(rig.connection, stream.config.name);
    await stream.storeMany(5);
    await stream.ask("STREAM.DELETE");
    await restore(rig.connection, backup);
    const after = await stream.info();
    expect(await bounds(stream)).toEqual([1, 5, 5]);
    expect(after.state.first_ts).toBe(before.state.first_ts);
    expect(after.config.description).toBe("Halley: generation 7");
    // So a creation alone doesn't tell a restored stream from what it was: positions above its end do.
    expect(Date.parse(after.created)).toBeGreaterThanOrEqual(Date.parse(before.created));
    expect((await stream.store()).seq).toBe(6);
  });

  it("making it once more is idempotent, with other settings it is refused (10058)", async () => {
    const stream = await rig.stream();
    expect((await stream.ask("STREAM.CREATE", stream.config)).error).toBeUndefined();
    expect(await stream.ask("STREAM.CREATE", { ...stream.config, max_msgs_per_subject: 7 })).toMatchObject({ error: { err_code: 10058 } });
  });

  it("how many messages of a subject it holds, where asked for that", async () => {
    const stream = await rig.stream();
    for (const channel of ["x", "x", "y"]) await stream.store(channel);
    const asked = await stream.ask<{ state: { subjects?: Record<string, number> } }>("STREAM.INFO", { subjects_filter: stream.subject() });
    expect(asked.state.subjects).toEqual({ [stream.subject()]: 2 });
  });
});
