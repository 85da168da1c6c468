import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClaimTable } from "./claimTable.js";
import { NO_ROW } from "./hashIndex.js";
import { UserTable } from "./userTable.js";

/** Ids that are spread like random ones, and some that fall on the same place. */
const idOf = (n: number): Uint8Array => (n % 3 === 0 ? Uint8Array.from({ length: 16 }, (_, at) => (at === 4 * (n % 4) ? n : 0)) : createHash("md5").update(String(n)).digest());

describe("claim table", () => {
  it("finds what a map would find, over removals, reuse of rows and growth", () => {
    const operation = fc.record({ add: fc.boolean(), n: fc.integer({ min: 0, max: 60 }), connector: fc.integer({ min: 0, max: 2 }) });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 300, size: "max" }), (operations) => {
        const users = new UserTable();
        for (let user = 0; user < 5; user++) users.ensure(String(user));
        const table = new ClaimTable(users);
        const rows = new Map<string, number>();
        for (const { add, n, connector } of operations) {
          const key = `${String(n)} ${String(connector)}`;
          const row = rows.get(key);
          if (add && row === undefined) rows.set(key, table.add({ id: idOf(n), connector, user: n % 5, transport: 1, sinceMs: n }));
          else if (!add && row !== undefined) {
            table.remove(row);
            rows.delete(key);
          }
        }
        expect(table.size).toBe(rows.size);
        for (let n = 0; n <= 60; n++) {
          const own = [0, 1, 2].map((connector) => rows.get(`${String(n)} ${String(connector)}`));
          for (const [connector, row] of own.entries()) {
            expect(table.find(idOf(n), connector)).toBe(row ?? NO_ROW);
            if (row !== undefined) expect(new Set(table.rowsOfSession(row))).toEqual(new Set(own.filter((one) => one !== undefined)));
          }
        }
        for (let user = 0; user < 5; user++) {
          const expected = [...rows].filter(([key]) => Number(key.split(" ")[0]) % 5 === user).map(([, row]) => row);
          expect([...table.rowsOfUser(user)].sort()).toEqual(expected.sort());
        }
        for (const connector of [0, 1, 2]) {
          const expected = [...rows].filter(([key]) => key.endsWith(` ${String(connector)}`)).map(([, row]) => row);
          expect(table.rowsOfConnector(connector).sort()).toEqual(expected.sort());
        }
      }),
      { numRuns: 100 },
    );
  });
});
