import { describe, expect, it } from "vitest";
import { keepErrors } from "../../../test/helpers/errorLog.js";
import { Listener } from "../../../test/helpers/channelRig.js";
import { UntypedPayload } from "../../../lib/schema/checkedPayload.js";
import type { Batch } from "./batch.js";
import { Fanout } from "./fanout.js";
import { Publication } from "./publication.js";
import type { Deliverable, TurnEnd } from "./turnEnd.js";

const publication = (offset: number, size = 0): Publication =>
  new Publication({ channel: "chat.x", offset, type: "", payload: new UntypedPayload(JSON.stringify({ n: offset, more: "x".repeat(size) })), sender: "", time: "", tags: undefined });

/** Keeps the batches as they come. */
class Batches extends Listener {
  readonly batches: Batch[] = [];

  override onPublications(batch: Batch): void {
    this.batches.push(batch);
    super.onPublications(batch);
  }
}

/** Can't take anything. */
class Failing extends Listener {
  override onPublications(): void {
    throw new Error("for this test");
  }

  override onReset(): void {
    throw new Error("for this test");
  }
}

interface Rig {
  readonly fanout: Fanout;
  readonly turns: Deliverable[];
  readonly gathered: Deliverable[];
  readonly writing: { number: number; sinceMs: number };
  readonly errors: object[];
}

function start(): Rig {
  const turns: Deliverable[] = [];
  const gathered: Deliverable[] = [];
  const writing = { number: 1, sinceMs: Infinity };
  const { log, errors } = keepErrors();
  const turnEnd: TurnEnd = {
    deliverAtEnd: (one) => turns.push(one),
    deliverSoon: (one) => gathered.push(one),
    get writing() { return writing.number; },
    sinceWritingMs: (number) => (number === writing.number - 1 ? writing.sinceMs : Infinity),
  };
  return { fanout: new Fanout(turnEnd, log), turns, gathered, writing, errors };
}

describe("the fan-out of a channel", () => {
  it("hands what came in one turn to all in one piece, the same to each, and asks for the turn's end once", () => {
    const { fanout, turns } = start();
    const [one, other] = [new Batches(), new Batches()];
    fanout.attach(one);
    fanout.attach(other);
    fanout.push(publication(5), 2);
    fanout.push(publication(7), 5);
    expect([one.offsets, turns.length]).toEqual([[], 1]);
    turns[0]?.deliver();
    expect([one.offsets, other.offsets, one.batches[0]?.before]).toEqual([[5, 7], [5, 7], 2]);
    expect(one.batches[0]).toBe(other.batches[0]);
    turns[0]?.deliver();
    expect(one.batches).toHaveLength(1);
    fanout.push(publication(9), 7);
    expect(turns).toHaveLength(2);
  });

  it("waits for the rest of a burst where many would be written to twice, until messages come alone again", () => {
    const { fanout, turns, gathered, writing } = start();
    let offset = 0;
    const push = (sinceMs: number): void => {
      writing.sinceMs = sinceMs;
      fanout.push(publication(offset + 1), offset);
      offset += 1;
    };
    const deliver = (): void => { for (const one of [...turns.splice(0), ...gathered.splice(0)]) one.deliver(); writing.number += 1; };
    const heard = new Batches();
    fanout.attach(heard);
    push(0.1);
    expect([turns.length, gathered.length]).toEqual([1, 0]);
    deliver();
    for (let more = 1; more < 249; more++) fanout.attach(new Listener());
    for (let few = 0; few < 2; few++) {
      push(0.1);
      expect([turns.length, gathered.length]).toEqual([1, 0]);
      deliver();
    }
    fanout.attach(new Listener());
    push(5);
    expect([turns.length, gathered.length]).toEqual([1, 0]);
    deliver();
    writing.number += 1;
    push(0.1);
    expect([turns.length, gathered.length], "another channel's writing says nothing").toEqual([1, 0]);
    deliver();
    push(0.1);
    push(0.2);
    expect([turns.length, gathered.length, heard.offsets]).toEqual([0, 1, [1, 2, 3, 4, 5]]);
    deliver();
    expect(heard.batches.at(-1)?.publications).toHaveLength(2);
    for (let alone = 0; alone < 4; alone++) {
      push(5);
      expect([turns.length, gathered.length]).toEqual([0, 1]);
      deliver();
    }
    push(5);
    expect([turns.length, gathered.length]).toEqual([1, 0]);
  });

  it("hands over first what waits when somebody joins, and when there is a reset", () => {
    const { fanout } = start();
    const [early, late] = [new Listener(), new Listener()];
    fanout.attach(early);
    fanout.push(publication(1), 0);
    fanout.attach(late);
    fanout.push(publication(2), 1);
    fanout.reset("HISTORY_LOST");
    expect([early.heard, late.heard]).toEqual([[1, 2, "HISTORY_LOST"], [2, "HISTORY_LOST"]]);
  });

  it("hands over to the others when one throws, who begins again", () => {
    const { fanout, turns, errors } = start();
    const [failing, other] = [new Failing(), new Listener()];
    fanout.attach(failing);
    fanout.attach(other);
    fanout.push(publication(1), 0);
    turns[0]?.deliver();
    expect([failing.heard, other.heard, errors]).toMatchObject([["fault"], [1], [{ err: { message: "for this test" }, faults: 1 }]]);
    fanout.push(publication(2), 1);
    turns[1]?.deliver();
    fanout.reset("HISTORY_LOST");
    expect([other.heard, errors.length]).toEqual([[1, 2, "HISTORY_LOST"], 3]);
  });

  it("gives nothing to those who have left, nor keeps anything for nobody", () => {
    const { fanout, turns } = start();
    const gone = new Listener();
    fanout.push(publication(1), 0);
    expect(turns).toEqual([]);
    const seat = fanout.attach(gone);
    fanout.push(publication(2), 1);
    fanout.detach(seat, gone);
    turns[0]?.deliver();
    expect(gone.heard).toEqual([]);
    fanout.attach(gone);
    fanout.push(publication(3), 2);
    fanout.clear();
    turns[1]?.deliver();
    expect(gone.heard).toEqual([]);
  });

  it.each([["messages", 100, 0], ["bytes", 3, 100_000]])("lets no more than so many %s wait", (_, count, size) => {
    const { fanout } = start();
    const listener = new Batches();
    fanout.attach(listener);
    for (let offset = 1; offset < count; offset++) fanout.push(publication(offset, size), offset - 1);
    expect(listener.batches).toEqual([]);
    fanout.push(publication(count, size), count - 1);
    expect(listener.batches.map(({ publications }) => publications.length)).toEqual([count]);
  });

  it("gives the end of a batch to whoever has its beginning", () => {
    const { fanout, turns } = start();
    const listener = new Batches();
    fanout.attach(listener);
    for (const offset of [3, 6, 9]) fanout.push(publication(offset), offset - 1);
    turns[0]?.deliver();
    const [batch] = listener.batches;
    const offsetsAbove = (offset: number): number[] | undefined => batch?.above(offset)?.publications.map((one) => one.offset);
    expect([0, 2, 3, 5, 8, 9].map(offsetsAbove)).toEqual([[3, 6, 9], [3, 6, 9], [6, 9], [6, 9], [9], undefined]);
    expect([batch?.above(2), batch?.above(5)?.before]).toEqual([batch, 5]);
  });
});
