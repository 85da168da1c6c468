import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FactRig } from "../helpers/factRig.js";
import { NATS_PROGRAMS } from "../helpers/natsPrograms.js";

describe.each(NATS_PROGRAMS)("reading single messages: nats-server $version", (program) => {
  let rig: FactRig;
  beforeAll(async () => { rig = await FactRig.start(program); });
  afterAll(() => rig.stop());

  it("gives the first message of a subject from a sequence on, with its place behind its publisher's headers", async () => {
    const stream = await rig.stream();
    await stream.store("other");
    await stream.store("x", { "Halley-Type": "t", "Nats-Sequence": "9", "Nats-Subject": "other", "Nats-Time-Stamp": "never" }, "hello");
    await stream.store("x");
    const message = await stream.directGet({ seq: 1, next_by_subj: stream.subject() });
    const last = (name: string): string | undefined => message.headers?.values(name).at(-1);
    expect([message.string(), message.headers?.code, last("Halley-Type"), last("Nats-Sequence"), last("Nats-Subject"), last("Nats-Stream")]).toEqual(["hello", 0, "t", "2", stream.subject(), stream.config.name]);
    expect(Math.abs(Date.parse(last("Nats-Time-Stamp") ?? "") - Date.now())).toBeLessThan(60_000);
    expect((await stream.directGet({ seq: 3, next_by_subj: stream.subject() })).headers?.values("Nats-Sequence").at(-1)).toBe("3");
  });

  it("says 404 where there is none, and 408 to a bad question", async () => {
    const stream = await rig.stream();
    await stream.store();
    expect((await stream.directGet({ seq: 2, next_by_subj: stream.subject() })).headers?.code).toBe(404);
    expect((await stream.directGet({ seq: 1, next_by_subj: stream.subject("never") })).headers?.code).toBe(404);
    expect((await stream.directGet({ seq: 7 })).headers?.code).toBe(404);
    for (const bad of [{}, { last_by_subj: stream.subject(), seq: 1 }]) expect((await stream.directGet(bad)).headers?.code, JSON.stringify(bad)).toBe(408);
  });

  it(`answers ${program.isNew ? "503" : "nothing"} where there is no such stream, or one that doesn't allow it`, async () => {
    const stream = await rig.stream({}, { allow_direct: false });
    const question = stream.directGet({ seq: 1 }, 300);
    await expect(question).rejects.toMatchObject({ code: program.isNew ? "503" : "TIMEOUT" });
  });

  it("lets the leader answer the same questions: the last of a subject, the next, one by its sequence, 10037 where there is none", async () => {
    const stream = await rig.stream();
    for (const channel of ["x", "y", "x", "y"]) await stream.store(channel, { "Halley-Type": channel }, channel);
    const get = (query: object): Promise<{ message?: { seq: number; subject: string; data: string; hdrs: string; time: string }; error?: object }> => stream.ask("STREAM.MSG.GET", query);
    const { message } = await get({ last_by_subj: stream.subject() });
    expect([message?.seq, message?.subject, Buffer.from(message?.data ?? "", "base64").toString(), Buffer.from(message?.hdrs ?? "", "base64").toString()]).toEqual([3, stream.subject(), "x", "NATS/1.0\r\nHalley-Type: x\r\n\r\n"]);
    expect(Math.abs(Date.parse(message?.time ?? "") - Date.now())).toBeLessThan(60_000);
    expect((await get({ seq: 2, next_by_subj: stream.subject() })).message?.seq).toBe(3);
    expect((await get({ seq: 1, next_by_subj: "halley.pub.>" })).message?.seq).toBe(1);
    expect((await get({ seq: 4 })).message?.seq).toBe(4);
    for (const missing of [{ last_by_subj: stream.subject("never") }, { seq: 4, next_by_subj: stream.subject() }, { seq: 5 }]) expect(await get(missing)).toMatchObject({ error: { err_code: 10037 } });
  });
});
