import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FactRig, placesOf } from "../helpers/factRig.js";
import { NATS_PROGRAMS } from "../helpers/natsPrograms.js";

/** Headers by which a publisher may try to remove, replace or hide messages, or to bring others in. */
const HOSTILE: readonly Readonly<Record<string, string>>[] = [
  { "Nats-Rollup": "sub" },
  { "Nats-Rollup": "all" },
  { "Nats-TTL": "1s" },
  { "Nats-TTL": "1" },
  { "Nats-Incr": "+1" },
  { "Nats-Schedule": "@at 2009-11-10T23:00:00Z", "Nats-Schedule-Target": "halley.pub.other" },
  { "Nats-Marker-Reason": "Purge" },
  { "Nats-Batch-Id": "b", "Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1" },
  { "Nats-Stream-Source": "other 1 > >" },
  { "KV-Operation": "PURGE" },
];

describe.each(NATS_PROGRAMS)("only limits remove messages: nats-server $version", (program) => {
  let rig: FactRig;
  beforeAll(async () => { rig = await FactRig.start(program); });
  afterAll(() => rig.stop());

  it("refuses to delete a message, and to purge, and nothing is gone", async () => {
    const stream = await rig.stream();
    await stream.storeMany(3);
    for (const query of [{ seq: 1 }, { seq: 1, no_erase: true }]) expect((await stream.ask("STREAM.MSG.DELETE", query)).error).toBeDefined();
    for (const query of [{}, { filter: stream.subject() }, { keep: 1 }]) expect((await stream.ask("STREAM.PURGE", query)).error).toBeDefined();
    expect((await stream.info()).state).toMatchObject({ first_seq: 1, last_seq: 3, messages: 3 });
  });

  it.each(["deny_delete", "deny_purge"])("doesn't let %s be taken back", async (setting) => {
    const stream = await rig.stream();
    expect((await stream.ask("STREAM.UPDATE", { ...stream.config, [setting]: false })).error).toBeDefined();
    expect((await stream.info()).config).toMatchObject({ deny_delete: true, deny_purge: true });
  });

  it.each(HOSTILE)("publishers' headers remove nothing, and change no order: %o", async (headers) => {
    const stream = await rig.stream();
    const heard = await stream.hear();
    await stream.storeMany(3);
    await stream.store("x", headers, "1");
    await stream.store();
    const { state } = await stream.info();
    expect([state.first_seq, state.messages]).toEqual([1, state.last_seq]);
    // Refused or stored like any other.
    expect(placesOf(heard)).toEqual(Array.from({ length: state.last_seq }, (_, at) => [at + 1, at]));
    expect([4, 5]).toContain(state.last_seq);
  });

  it("removes the oldest first, of a channel and of the stream", async () => {
    const stream = await rig.stream({ messages: 3 });
    for (const channel of ["x", "y", "x", "x", "x", "x"]) await stream.store(channel);
    const first = await stream.ask<{ message: { seq: number } }>("STREAM.MSG.GET", { seq: 1, next_by_subj: stream.subject() });
    expect([first.message.seq, (await stream.info()).state.first_seq]).toEqual([4, 2]);
    const small = await rig.stream({ bytes: 5_000 });
    for (const channel of ["x", "y", "x", "y", "x", "y"]) await small.store(channel, {}, "x".repeat(1_000));
    const { first_seq: from, last_seq: to, messages } = (await small.info()).state;
    expect([from > 1, to, messages]).toEqual([true, 6, to - from + 1]);
  });
});
