import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { FactRig } from "../helpers/factRig.js";
import { NATS_PROGRAMS } from "../helpers/natsPrograms.js";

const NS_PER_S = 1_000_000_000;

describe.each(NATS_PROGRAMS)("message ids: nats-server $version", (program) => {
  let rig: FactRig;
  beforeAll(async () => { rig = await FactRig.start(program); });
  afterAll(() => rig.stop());

  const id = (name: string): Record<string, string> => ({ "Nats-Msg-Id": name });

  it("acknowledges a duplicate with the sequence of the first, also when the first is evicted", async () => {
    const stream = await rig.stream({ messages: 1 });
    expect(await stream.store("x", id("a"))).toEqual({ stream: stream.config.name, seq: 1 });
    await stream.store("x");
    expect(await stream.store("x", id("a"), "other")).toEqual({ stream: stream.config.name, seq: 1, duplicate: true });
    expect((await stream.info()).state).toMatchObject({ messages: 1, last_seq: 2 });
  });

  it("knows ids by stream, not by subject: Halley puts the channel into them", async () => {
    const [stream, other] = [await rig.stream(), await rig.stream()];
    await stream.store("x", id("a"));
    expect(await stream.store("y", id("a"))).toMatchObject({ duplicate: true, seq: 1 });
    expect(await other.store("x", id("a"))).not.toHaveProperty("duplicate");
  });

  it("stores one of many that are in flight at once, and gives all its sequence", async () => {
    const stream = await rig.stream();
    const answers = await Promise.all(Array.from({ length: 50 }, () => stream.store("x", id("a"))));
    expect(answers.every(({ seq }) => seq === 1)).toBe(true);
    expect(answers.filter(({ duplicate }) => duplicate !== true).length).toBe(1);
  });

  it("remembers ids over a restart and a kill, but not those of messages that are evicted", async () => {
    const stream = await rig.stream({ messages: 1 });
    await stream.store("x", id("kept"));
    await stream.store("y", id("evicted"));
    await stream.store("y");
    for (const hard of [false, true]) await rig.restart(hard);
    expect(await stream.store("x", id("kept"))).toMatchObject({ duplicate: true, seq: 1 });
    expect(await stream.store("y", id("evicted"))).toMatchObject({ seq: 4 });
  });

  it("forgets an id when the window is over", async () => {
    const stream = await rig.stream({}, { duplicate_window: NS_PER_S / 5 });
    await stream.store("x", id("a"));
    await eventually(async () => (await stream.store("x", id("a"))).duplicate !== true);
  });

  it("refuses a window that is longer than the history (10052)", async () => {
    await expect(rig.stream({ ageMs: 2_000 }, { duplicate_window: 3 * NS_PER_S })).rejects.toThrow("10052");
    await rig.stream({ ageMs: 2_000 }, { duplicate_window: 2 * NS_PER_S });
  });
});
