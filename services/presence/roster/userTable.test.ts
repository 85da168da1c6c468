import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserTable } from "./userTable.js";

/** Ids of 1 to 255 bytes, many of them alike, some that UTF-16 would order otherwise than UTF-8. */
const ID = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 2_000 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom("é", "\uFF5E", "\u{1F600}", "\u{1F600}a", "a".repeat(127), "é".repeat(127), "é".repeat(126), "ab", "abc", "abcd", "abcde") },
);
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

describe("user table", () => {
  it("finds, orders and pages what a map and a sorted array would, over removals, reuse of rows and growth", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), ID), { minLength: 1_500, maxLength: 3_000, size: "max" }), ID, (changes, from) => {
        const users = new UserTable();
        const rows = new Map<string, number>();
        for (const [add, id] of changes) {
          expect(users.find(id)).toBe(rows.get(id));
          const row = rows.get(id);
          if (add) rows.set(id, users.ensure(id));
          else if (row !== undefined) {
            users.remove(row);
            rows.delete(id);
          }
        }
        const sorted = [...rows.keys()].sort(byBytes);
        expect(users.size).toBe(rows.size);
        expect(new Set(rows.values()).size).toBe(rows.size);
        expect(users.after(undefined, Infinity).map((row) => users.idOf(row))).toEqual(sorted);
        expect(users.after(from, 700).map((row) => users.idOf(row))).toEqual(sorted.filter((id) => byBytes(id, from) > 0).slice(0, 700));
        for (const [id, row] of rows) expect(users.find(id)).toBe(row);
        const asked = [...changes.map(([, id]) => id), "", "a".repeat(256)];
        expect(users.findAll(asked)).toEqual(asked.map((id) => rows.get(id)));
      }),
      { numRuns: 20 },
    );
  });

  it("keeps apart what is in the pages of a hundred thousand rows", () => {
    const users = new UserTable();
    const ids = Array.from({ length: 100_000 }, (_, n) => `user-${String(n)}`);
    for (const [n, id] of ids.entries()) users.setSinceMs(users.ensure(id), 1_795_000_000_000 + n);
    const rows = users.findAll(ids);
    expect(rows.every((row, n) => row === n && users.sinceMsOf(row) === 1_795_000_000_000 + n && users.idOf(row) === ids[n])).toBe(true);
    for (const row of rows.slice(1_000, 99_000)) if (row !== undefined) users.remove(row);
    expect(users.findAll(ids).every((row, n) => (n < 1_000 || n >= 99_000 ? row === n : row === undefined))).toBe(true);
    expect(users.after("user-99", 2).map((row) => users.idOf(row))).toEqual(["user-990", "user-99000"]);
  });

  it("counts sessions by row, from 0 for who is new in a row", () => {
    const users = new UserTable();
    const ada = users.ensure("ada");
    expect(users.addSessions(ada, 1)).toBe(1);
    expect(users.addSessions(ada, 1)).toBe(2);
    users.remove(ada);
    const bob = users.ensure("bob");
    expect(bob).toBe(ada);
    expect(users.sessionsOf(bob)).toBe(0);
  });

  it("holds nobody whose id has no bytes, or more than 255", () => {
    const users = new UserTable();
    for (const id of ["", "a".repeat(256), "é".repeat(128)]) {
      expect(users.find(id)).toBeUndefined();
      expect(() => users.ensure(id)).toThrow(RangeError);
    }
  });
});
