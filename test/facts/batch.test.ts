import type { Msg } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { FactRig, type FactStream, numbersOf } from "../helpers/factRig.js";
import { NATS_PROGRAMS } from "../helpers/natsPrograms.js";

const NEW = NATS_PROGRAMS.filter(({ isNew }) => isNew);
const OLD = NATS_PROGRAMS.filter(({ isNew }) => !isNew);

/** The sequences of an answer's messages, which each of them names as the one before it, and what its end says. */
function readAnswer(answer: readonly Msg[]): { readonly sequences: number[]; readonly previous: number[]; readonly code: number | undefined; readonly end: number[] } {
  const end = answer.at(-1);
  if (!end) throw new Error("no answer");
  const messages = answer.slice(0, -1);
  return {
    sequences: messages.flatMap((message) => numbersOf(message, "Nats-Sequence")),
    previous: messages.flatMap((message) => numbersOf(message, "Nats-Last-Sequence")),
    code: end.headers?.code,
    end: numbersOf(end, "Nats-Num-Pending", "Nats-Last-Sequence"),
  };
}

describe.each(NEW)("many messages of one subject by one question (batch): nats-server $version", (program) => {
  let rig: FactRig;
  beforeAll(async () => { rig = await FactRig.start(program); });
  afterAll(() => rig.stop());

  const ask = async (stream: FactStream, query: object): Promise<ReturnType<typeof readAnswer>> => readAnswer(await stream.directGetMany({ next_by_subj: stream.subject(), ...query }));

  it("gives those of the subject from a sequence on, that one included, in order, each with the one before it, then an end that names the last", async () => {
    const stream = await rig.stream();
    for (const channel of ["x", "y", "x", "y", "x", "x"]) await stream.store(channel);
    expect(await ask(stream, { seq: 1, batch: 10 })).toEqual({ sequences: [1, 3, 5, 6], previous: [0, 1, 3, 5], code: 204, end: [0, 6] });
    expect(await ask(stream, { seq: 3, batch: 10 })).toEqual({ sequences: [3, 5, 6], previous: [0, 3, 5], code: 204, end: [0, 6] });
    expect(await ask(stream, { seq: 4, batch: 1 })).toEqual({ sequences: [5], previous: [0], code: 204, end: [1, 5] });
  });

  it("says how many are left behind the last that it gave", async () => {
    const stream = await rig.stream();
    await stream.storeMany(100);
    expect(await ask(stream, { seq: 11, batch: 20 })).toMatchObject({ end: [70, 30] });
    expect(await ask(stream, { seq: 81, batch: 20 })).toMatchObject({ end: [0, 100] });
  });

  it("ends with the message with which so many bytes are reached, one at least", async () => {
    const stream = await rig.stream();
    for (let n = 0; n < 5; n++) await stream.store("x", {}, "x".repeat(1_000));
    expect(await ask(stream, { seq: 1, batch: 10, max_bytes: 1 })).toMatchObject({ sequences: [1], code: 204, end: [4, 1] });
    expect(await ask(stream, { seq: 2, batch: 10, max_bytes: 1_500 })).toMatchObject({ sequences: [2, 3], code: 204, end: [2, 3] });
  });

  it("says 404 where there is none", async () => {
    const stream = await rig.stream();
    await stream.store("y");
    expect(await ask(stream, { seq: 1, batch: 10 })).toMatchObject({ sequences: [], code: 404 });
    await stream.store();
    expect(await ask(stream, { seq: 3, batch: 10 })).toMatchObject({ sequences: [], code: 404 });
  });

  it("puts its own words behind a publisher's", async () => {
    const stream = await rig.stream();
    const forged = { "Nats-Stream": "other", "Nats-Subject": "other", "Nats-Sequence": "77", "Nats-Num-Pending": "77", "Nats-Last-Sequence": "77", "Nats-Time-Stamp": "never" };
    for (let n = 0; n < 3; n++) await stream.store("x", forged);
    const [, message] = await stream.directGetMany({ next_by_subj: stream.subject(), seq: 1, batch: 10 });
    const last = (name: string): string | undefined => message?.headers?.values(name).at(-1);
    expect([last("Nats-Stream"), last("Nats-Subject"), last("Nats-Sequence"), last("Nats-Last-Sequence"), last("Nats-Num-Pending")]).toEqual([stream.config.name, stream.subject(), "2", "1", "1"]);
    expect(Math.abs(Date.parse(last("Nats-Time-Stamp") ?? "") - Date.now())).toBeLessThan(60_000);
  });

  it("never counts more than the channel's limit from a message on that stands, while others push it out: else something may be missing", async () => {
    const limit = 5;
    const stream = await rig.stream({ messages: limit });
    const stored = await stream.storeMany(limit).then(() => stream.info());
    let [first, proven] = [stored.state.last_seq - limit + 1, 0];
    for (let round = 0; round < 400; round++) {
      for (let n = 0; n < 3; n++) rig.connection.publish(stream.subject(), "{}");
      const asked = stream.directGetMany({ next_by_subj: stream.subject(), seq: first, batch: 20 });
      for (let n = 0; n < 3; n++) rig.connection.publish(stream.subject(), "{}");
      const { sequences, end } = readAnswer(await asked);
      const [anchor = 0] = sequences;
      if (anchor === first && sequences.length + (end[0] ?? 0) <= limit) {
        proven += 1;
        expect(sequences).toEqual(sequences.map((_, at) => first + at));
      }
      // The stream holds this channel alone: its sequences have no holes.
      first = (sequences.at(-1) ?? first) - 1;
    }
    expect(proven).toBeGreaterThan(0);
  });

  it("is answered by mirrors too, who say that it is not the stream itself", async () => {
    const stream = await rig.stream();
    await stream.storeMany(3);
    const name = `${stream.config.name}_MIRROR`;
    const made = await rig.connection.request(`$JS.API.STREAM.CREATE.${name}`, JSON.stringify({ name, mirror: { name: stream.config.name }, storage: "file" }));
    expect(made.json<{ error?: object }>().error).toBeUndefined();
    const streams = new Set<string | undefined>();
    await eventually(async () => {
      const [message] = await stream.directGetMany({ next_by_subj: stream.subject(), seq: 1, batch: 10 });
      streams.add(message?.headers?.values("Nats-Stream").at(-1));
      return streams.has(name) && streams.has(stream.config.name);
    });
  });
});

describe.each(OLD)("nats-server $version, which is older than 2.11", (program) => {
  let rig: FactRig;
  beforeAll(async () => { rig = await FactRig.start(program); });
  afterAll(() => rig.stop());

  it("takes the question for one of a single message, and answers without an end", async () => {
    const stream = await rig.stream();
    await stream.storeMany(3);
    const answer = await stream.directGet({ seq: 2, next_by_subj: stream.subject(), batch: 10, max_bytes: 4_096 });
    expect([answer.headers?.code, ...numbersOf(answer, "Nats-Sequence"), answer.headers?.values("Nats-Num-Pending")]).toEqual([0, 2, []]);
  });
});
