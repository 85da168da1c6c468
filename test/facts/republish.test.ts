import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "nats";
import { eventually } from "../helpers/eventually.js";
import { FactRig, numbersOf, placesOf } from "../helpers/factRig.js";
import { NATS_PROGRAMS } from "../helpers/natsPrograms.js";

describe.each(NATS_PROGRAMS)("nats-server $version republishes", (program) => {
  let rig: FactRig;
  beforeAll(async () => { rig = await FactRig.start(program); });
  afterAll(() => rig.stop());

  it("a stored message with its payload, its own headers, and its place in the stream", async () => {
    const stream = await rig.stream();
    const heard = await stream.hear();
    await stream.store("other");
    await stream.store("x", { "Halley-Type": "greeting" }, "hello");
    const [message] = heard;
    expect(message?.string()).toBe("hello");
    const all = Object.fromEntries((message?.headers?.keys() ?? []).map((name) => [name, message?.headers?.values(name)]));
    // 2.9 says no time: what Halley calls `time` is stamped by who publishes.
    const { "Nats-Time-Stamp": time, ...rest } = all;
    expect(rest).toEqual({ "Halley-Type": ["greeting"], "Nats-Stream": [stream.config.name], "Nats-Subject": [stream.subject()], "Nats-Sequence": ["2"], "Nats-Last-Sequence": ["0"] });
    expect(time === undefined).toBe(!program.isNew);
  });

  it("its own Nats-* headers behind a publisher's: the last value is true", async () => {
    const stream = await rig.stream();
    const heard = await stream.hear();
    await stream.store();
    const forged = { "Nats-Sequence": ["9", "8"], "Nats-Last-Sequence": "7", "Nats-Stream": "other", "Nats-Subject": "other" };
    await stream.store("x", forged);
    const [, message] = heard;
    const values = ["Nats-Sequence", "Nats-Last-Sequence", "Nats-Stream", "Nats-Subject"].map((name) => message?.headers?.values(name));
    expect(values).toEqual([["9", "8", "2"], ["7", "1"], ["other", stream.config.name], ["other", stream.subject()]]);
  });

  it(`in the order of the stream${program.isNew ? ", whoever publishes" : " what comes over one connection; what comes over several may overtake"}`, async () => {
    const stream = await rig.stream();
    const listener = await connect({ servers: rig.nats.url });
    const heard = await stream.hear("*", listener);
    const backends = await Promise.all(Array.from({ length: 4 }, () => connect({ servers: rig.nats.url })));
    for (let n = 0; n < 500; n++) for (const [index, backend] of backends.entries()) backend.publish(stream.subject(`of${String(index)}`), String(n));
    await Promise.all(backends.map((backend) => backend.flush()));
    await stream.store("last");
    await eventually(() => heard.length === 2_001);
    const sequences = heard.map((message) => numbersOf(message, "Nats-Sequence")[0] ?? 0);
    const all = Array.from({ length: 2_001 }, (_, at) => at + 1);
    // 2.9 hands a message on after it has let the next one in: a tick proves nothing there until a later one has come.
    expect(program.isNew ? sequences : sequences.sort((one, other) => one - other)).toEqual(all);
    for (const index of backends.keys()) {
      const own = heard.filter(({ subject }) => subject.endsWith(`.of${String(index)}`)).map((message) => Number(message.string()));
      expect(own).toEqual(Array.from({ length: 500 }, (_, n) => n));
    }
    await Promise.all([listener, ...backends].map((connection) => connection.close()));
  });

  it("before it acknowledges", async () => {
    const stream = await rig.stream();
    const heard = await stream.hear();
    for (let n = 1; n <= 200; n++) {
      await stream.store();
      expect(heard.length).toBe(n);
    }
  });

  it("messages without payload", async () => {
    const stream = await rig.stream();
    const heard = await stream.hear();
    await stream.store("x", { "Halley-Control": "tombstone" }, "");
    expect(heard.map(({ headers, data }) => [headers?.get("Halley-Control"), data.length])).toEqual([["tombstone", 0]]);
  });

  it("nothing that it doesn't store: duplicates and what it refuses", async () => {
    const stream = await rig.stream();
    const heard = await stream.hear("*");
    await stream.store("x", { "Nats-Msg-Id": "a" });
    expect((await stream.store("x", { "Nats-Msg-Id": "a" })).duplicate).toBe(true);
    expect((await stream.store("x", { "Nats-Expected-Stream": "-" })).error).toBeDefined();
    await stream.store("x");
    expect(placesOf(heard)).toEqual([[1, 0], [2, 1]]);
  });

  it("nothing of a subject that no stream takes: who listens to the subject itself gets it as it was sent", async () => {
    const heard: string[][] = [];
    rig.connection.subscribe("halley.pub.live.x", { callback: (_, { headers }) => heard.push(headers?.keys() ?? []) });
    let republished = 0;
    rig.connection.subscribe("halley.out.live.x", { callback: () => { republished += 1; } });
    rig.connection.publish("halley.pub.live.x", "{}");
    await rig.connection.flush();
    expect([heard, republished]).toEqual([[[]], 0]);
  });
});
