import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Seats } from "./seats.js";

const members = Array.from({ length: 6 }, (_, name) => ({ name }));
const step = fc.record({ act: fc.constantFrom("add", "add", "delete", "delete", "clear"), member: fc.constantFrom(...members) });

function visitedIn(seats: Seats<object>): object[] {
  const visited: object[] = [];
  seats.forEach((one) => visited.push(one));
  return visited;
}

/** With some members, whose seats are their places in the list. */
function seated(count: number): Seats<object> {
  const seats = new Seats<object>();
  expect(members.slice(0, count).map((member) => seats.add(member))).toEqual(Array.from({ length: count }, (_, seat) => seat));
  return seats;
}

describe("seats", () => {
  it("have those who came and did not leave, each at a seat of their own", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const [seats, model] = [new Seats<object>(), new Map<object, number>()];
        for (const { act, member } of steps) {
          const seat = model.get(member);
          if (act === "add" && seat === undefined) model.set(member, seats.add(member));
          else if (act === "delete" && seat !== undefined) {
            expect(seats.delete(seat, member)).toBe(true);
            expect(seats.delete(seat, member)).toBe(false);
            model.delete(member);
          } else if (act === "clear") {
            seats.clear();
            model.clear();
          }
          expect(seats.size).toBe(model.size);
          expect(new Set(visitedIn(seats))).toEqual(new Set(model.keys()));
          expect(visitedIn(seats)).toHaveLength(model.size);
          for (const [one, at] of model) expect(seats.at(at)).toBe(one);
          for (const at of model.values()) expect(at).toBeLessThan(members.length);
        }
      }),
    );
  });

  it("take nobody off a seat that somebody else has", () => {
    const seats = new Seats<object>();
    const [one, other] = [{}, {}];
    const seat = seats.add(one);
    seats.delete(seat, one);
    expect(seats.add(other)).toBe(seat);
    expect(seats.delete(seat, one)).toBe(false);
    expect(visitedIn(seats)).toEqual([other]);
  });

  it("need no more room than for as many as were there together", () => {
    const seats = new Seats<object>();
    const crowd = Array.from({ length: 1_000 }, () => ({}));
    for (let round = 0; round < 20; round++) {
      const taken = crowd.map((member) => seats.add(member));
      expect(Math.max(...taken)).toBeLessThan(1_000);
      const order = crowd.map((_, at) => (at * 7 + round) % 1_000);
      for (const at of order.slice(0, 900 + round)) seats.delete(taken[at] ?? 0, crowd[at] ?? {});
      for (const at of order.slice(900 + round)) seats.delete(taken[at] ?? 0, crowd[at] ?? {});
      expect(seats.size).toBe(0);
    }
  });

  it("are not taken behind the end once those there are gone", () => {
    const seats = seated(6);
    const [, second, third, fourth, fifth, sixth] = members;
    for (const [seat, member] of [[2, third], [4, fifth], [1, second], [5, sixth], [3, fourth]] as const) seats.delete(seat, member ?? {});
    expect([seats.add({}), seats.add({}), seats.add({})]).toEqual([1, 2, 3]);
    expect(seats.size).toBe(4);
  });

  it("do not visit who was removed meanwhile", () => {
    const seats = seated(5);
    const visited: object[] = [];
    seats.forEach((one) => {
      visited.push(one);
      for (const [seat, member] of members.slice(1, 5).entries()) seats.delete(seat + 1, member);
    });
    expect(visited).toEqual([members[0]]);
  });

  it("visit nobody twice who has company meanwhile", () => {
    const seats = seated(1);
    const visited: object[] = [];
    seats.forEach((one) => {
      visited.push(one);
      if (seats.size === 1) seats.add({});
    });
    expect(visited).toEqual([members[0]]);
  });

  it("visit nobody else once they were cleared, also while they are visited", () => {
    const seats = seated(3);
    const visited: object[] = [];
    seats.forEach((one) => {
      visited.push(one);
      seats.clear();
    });
    expect([visited, seats.size]).toEqual([[members[0]], 0]);
  });

  it("tell who is wanted of them", () => {
    const seats = seated(3);
    expect(seats.members((member) => member !== members[1])).toEqual([members[0], members[2]]);
  });
});
