import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { FactRig, numbersOf, placesOf } from "../helpers/factRig.js";
import { NATS_PROGRAMS } from "../helpers/natsPrograms.js";

describe.each(NATS_PROGRAMS)("nats-server $version says of a message which one was before it on its subject (Nats-Last-Sequence)", (program) => {
  let rig: FactRig;
  beforeAll(async () => { rig = await FactRig.start(program); });
  afterAll(() => rig.stop());

  it("the newest that is still stored; 0 where there was never one", async () => {
    const stream = await rig.stream();
    const heard = await stream.hear();
    for (const channel of ["x", "y", "x", "y", "y", "x"]) await stream.store(channel);
    expect(placesOf(heard)).toEqual([[1, 0], [3, 1], [6, 3]]);
  });

  it("also where the channel's limit takes that one away at this moment", async () => {
    const stream = await rig.stream({ messages: 1 });
    const heard = await stream.hear();
    await stream.storeMany(4);
    expect(placesOf(heard)).toEqual([[1, 0], [2, 1], [3, 2], [4, 3]]);
  });

  it("0 where the stream's size has taken it", async () => {
    const stream = await rig.stream({ bytes: 4_096 });
    const heard = await stream.hear();
    await stream.store();
    for (let n = 0; n < 5; n++) await stream.store("other", {}, "x".repeat(1_500));
    await stream.store();
    expect(placesOf(heard)).toEqual([[1, 0], [7, 0]]);
  });

  it("0 where age has taken it", async () => {
    const stream = await rig.stream({ ageMs: 500 });
    const heard = await stream.hear();
    await stream.store();
    await eventually(async () => (await stream.info()).state.messages === 0);
    await stream.store();
    expect(placesOf(heard)).toEqual([[1, 0], [2, 0]]);
  });

  it("0 after a purge: of a stream that allows it", async () => {
    const stream = await rig.stream({}, { deny_purge: false });
    const heard = await stream.hear();
    await stream.store();
    expect((await stream.ask("STREAM.PURGE", {})).error).toBeUndefined();
    await stream.store();
    expect(placesOf(heard)).toEqual([[1, 0], [2, 0]]);
  });

  it("the same after a restart, and after a kill", async () => {
    const stream = await rig.stream();
    await stream.store("x");
    await stream.store("y");
    for (const hard of [false, true]) await rig.restart(hard);
    const heard = await stream.hear();
    await stream.store("x");
    expect(placesOf(heard)).toEqual([[3, 1]]);
  });

  it("never wrongly in 5,000 messages of 12 channels under limits", async () => {
    const stream = await rig.stream({ messages: 5, bytes: 20_000 });
    const heard = await stream.hear("*");
    const stored = new Map<string, number>();
    for (let n = 0; n < 5_000; n++) rig.connection.publish(stream.subject(`c${String((n * n + (n % 31)) % 12)}`), "x".repeat(n % 300));
    await stream.store("last");
    expect(heard.length).toBe(5_001);
    for (const message of heard) {
      const [sequence = 0, last = -1] = numbersOf(message, "Nats-Sequence", "Nats-Last-Sequence");
      const before = stored.get(message.subject) ?? 0;
      // The stream's size may have taken it: only the channel's newest can be named, or none.
      expect([before, 0], `of ${String(sequence)}`).toContain(last);
      stored.set(message.subject, sequence);
    }
  });
});

describe.each(NATS_PROGRAMS)("why Halley's streams deny deletes and have no message TTLs: nats-server $version", (program) => {
  let rig: FactRig;
  beforeAll(async () => { rig = await FactRig.start(program); });
  afterAll(() => rig.stop());

  it("names an older message, or none, as the one before where the newest was deleted: what was missed in between is not told", async () => {
    const stream = await rig.stream({}, { deny_delete: false });
    const heard = await stream.hear();
    await stream.storeMany(3);
    expect((await stream.ask("STREAM.MSG.DELETE", { seq: 3 })).error).toBeUndefined();
    await stream.store();
    const [sequence, last = -1] = placesOf(heard).at(-1) ?? [];
    expect(sequence).toBe(4);
    // Who has 2 takes 4 for the next one, though 3 was acknowledged and never came to them.
    expect(last).toBeLessThan(3);
  });
});
