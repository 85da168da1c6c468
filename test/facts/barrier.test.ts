import { connect } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FactRig, placesOf } from "../helpers/factRig.js";
import { NATS_PROGRAMS } from "../helpers/natsPrograms.js";

const IMPOSSIBLE = { "Nats-Expected-Stream": "-" };
const REFUSED = { error: { err_code: 10060, code: 400 } };

describe.each(NATS_PROGRAMS)("a barrier: nats-server $version", (program) => {
  let rig: FactRig;
  beforeAll(async () => { rig = await FactRig.start(program); });
  afterAll(() => rig.stop());

  it("refuses a message that expects another stream (10060), and stores and republishes nothing", async () => {
    const stream = await rig.stream();
    const heard = await stream.hear("*");
    await stream.store();
    for (let round = 0; round < 5; round++) expect(await stream.store("$tick", IMPOSSIBLE, "")).toMatchObject(REFUSED);
    expect((await stream.info()).state).toMatchObject({ messages: 1, last_seq: 1 });
    await stream.store();
    expect(placesOf(heard)).toEqual([[1, 0], [2, 1]]);
  });

  it("refuses it also where its id was seen before, and does not remember the id", async () => {
    const stream = await rig.stream();
    await stream.store("x", { "Nats-Msg-Id": "a" });
    expect(await stream.store("x", { ...IMPOSSIBLE, "Nats-Msg-Id": "a" })).not.toHaveProperty("seq", 2);
    expect(await stream.store("x", { ...IMPOSSIBLE, "Nats-Msg-Id": "b" })).toMatchObject(REFUSED);
    expect(await stream.store("x", { "Nats-Msg-Id": "b" })).toMatchObject({ seq: 2 });
  });

  it("names the sequence 0 in a refusal: whether there is an error is what counts", async () => {
    expect((await (await rig.stream()).store("x", IMPOSSIBLE)).seq).toBe(0);
  });

  it("takes a message that expects this stream", async () => {
    const stream = await rig.stream();
    expect(await stream.store("x", { "Nats-Expected-Stream": stream.config.name })).toMatchObject({ seq: 1 });
  });

  it("answers behind everything that was stored and republished before, on the connection that listens", async () => {
    const stream = await rig.stream();
    const backend = await connect({ servers: rig.nats.url });
    let stored = 0;
    for (let round = 0; round < 30; round++) {
      for (let n = 0; n < 50; n++) backend.publish(stream.subject(), "{}");
      const heard = await stream.hear();
      // Whatever the leader names now is either republished to us before the barrier's answer, or was before our interest.
      expect(await stream.store("$tick", IMPOSSIBLE, "")).toMatchObject(REFUSED);
      const { last_seq: newest } = (await stream.info()).state;
      await backend.flush();
      await stream.store();
      stored += 51;
      const after = placesOf(heard).map(([sequence = 0]) => sequence).filter((sequence) => sequence > newest);
      expect(after).toEqual(Array.from({ length: stored - newest }, (_, at) => newest + 1 + at));
    }
    await backend.close();
  });
});
