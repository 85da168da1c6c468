import type { Msg } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FactRig, type FactStream, numbersOf } from "../helpers/factRig.js";
import { NATS_PROGRAMS } from "../helpers/natsPrograms.js";

const NEW = NATS_PROGRAMS.filter(({ isNew }) => isNew);
const OLD = NATS_PROGRAMS.filter(({ isNew }) => !isNew);

/** The sequences of an answer's messages, and what its end says. */
function readAnswer(answer: readonly Msg[]): { readonly sequences: number[]; readonly code: number | undefined; readonly end: number[] } {
  const end = answer.at(-1);
  if (!end) throw new Error("no answer");
  return {
    sequences: answer.slice(0, -1).flatMap((message) => numbersOf(message, "Nats-Sequence")),
    code: end.headers?.code,
    end: numbersOf(end, "Nats-UpTo-Sequence", "Nats-Num-Pending", "Nats-Last-Sequence"),
  };
}

describe.each(NEW)("the newest of many subjects at once (multi_last): nats-server $version", (program) => {
  let rig: FactRig;
  let stream: FactStream;
  beforeAll(async () => {
    rig = await FactRig.start(program);
    stream = await rig.stream();
    for (let n = 0; n < 1_024; n++) rig.connection.publish(stream.subject(`c${String(n)}`), "{}");
    await stream.store("c0");
  });
  afterAll(() => rig.stop());

  const subjects = (count: number): string[] => Array.from({ length: count }, (_, n) => stream.subject(`c${String(n)}`));
  const ask = async (query: object): Promise<ReturnType<typeof readAnswer>> => readAnswer(await stream.directGetMany(query));

  it("gives each subject's newest in the order of the stream, then an end that names the stream's last sequence", async () => {
    const { sequences, code, end } = await ask({ multi_last: [...subjects(4), stream.subject("never")], seq: 1 });
    expect([sequences, code, end.slice(0, 2)]).toEqual([[2, 3, 4, 1_025], 204, [1_025, 0]]);
  });

  it("gives only those at or after the sequence", async () => {
    expect((await ask({ multi_last: subjects(4), seq: 3 })).sequences).toEqual([3, 4, 1_025]);
    expect((await ask({ multi_last: subjects(4), seq: 1_025 })).sequences).toEqual([1_025]);
  });

  it("says 404 where none is, which says nothing of how far this replica is: so a tick is always asked for", async () => {
    const { sequences, code, end } = await ask({ multi_last: [stream.subject("never")], seq: 1 });
    expect([sequences, code, end[0]]).toEqual([[], 404, NaN]);
  });

  it("answers for 1,024 subjects, and refuses more than that (413)", async () => {
    expect((await ask({ multi_last: subjects(1_024), seq: 1 })).sequences.length).toBe(1_024);
    await stream.store("c1024");
    expect(await ask({ multi_last: subjects(1_025), seq: 1 })).toMatchObject({ sequences: [], code: 413 });
  });

  it("ends a page at the bytes that are asked for, says how many are left, and goes on from the last of the page", async () => {
    const all: number[] = [];
    for (let next = 1, pages = 0; pages < 50; pages++) {
      const { sequences, code, end } = await ask({ multi_last: subjects(300), seq: next, max_bytes: 4_096 });
      const [, pending = -1, last = 0] = end;
      expect([code, last]).toEqual([204, sequences.at(-1)]);
      all.push(...sequences);
      if (pending === 0) break;
      next = last + 1;
    }
    expect(all).toEqual([...Array.from({ length: 299 }, (_, at) => at + 2), 1_025]);
  });
});

describe.each(OLD)("nats-server $version, which is older than 2.11", (program) => {
  let rig: FactRig;
  beforeAll(async () => { rig = await FactRig.start(program); });
  afterAll(() => rig.stop());

  it("ignores the question for many subjects silently, and answers as if for one message", async () => {
    const stream = await rig.stream();
    for (const channel of ["a", "b", "c"]) await stream.store(channel);
    const answer = await stream.directGet({ multi_last: [stream.subject("b"), stream.subject("c")], seq: 1, max_bytes: 4_096 });
    expect([answer.headers?.code, ...numbersOf(answer, "Nats-Sequence")]).toEqual([0, 1]);
    expect((await stream.directGet({ multi_last: [stream.subject("b")], seq: 9 })).headers?.code).toBe(404);
  });
});
