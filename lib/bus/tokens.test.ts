import { describe, expect, it } from "vitest";
import { Tokens } from "./tokens.js";

describe("tokens", () => {
  it("find who waits, and nobody once they have left or somebody else has their seat", () => {
    const tokens = new Tokens<{ token: string; id: number }>();
    const [one, other] = [{ token: "", id: 0 }, { token: "", id: 0 }];
    expect(tokens.delete(one)).toBe(false);
    tokens.add(one);
    const { token } = one;
    expect([tokens.find(token), tokens.size]).toEqual([one, 1]);
    expect([tokens.delete(one), tokens.delete(one), tokens.find(token)]).toEqual([true, false, undefined]);
    tokens.add(other);
    expect(Number.parseInt(other.token, 10)).toBe(Number.parseInt(token, 10));
    expect([tokens.find(token), tokens.find(other.token)]).toEqual([undefined, other]);
  });

  it.each(["", "x", "-1", "0", "0-", "7-1", "NaN-1", "1e9-1"])("find nobody for %j", (token) => {
    const tokens = new Tokens<{ token: string; id: number }>();
    tokens.add({ token: "", id: 0 });
    expect(tokens.find(token)).toBe(undefined);
  });

  it("tell who waits in the order in which they came, whatever seat they got", () => {
    const tokens = new Tokens<{ token: string; id: number; readonly name: number }>();
    const all = Array.from({ length: 20 }, (_, name) => ({ token: "", id: 0, name }));
    for (const one of all.slice(0, 10)) tokens.add(one);
    for (const one of all.slice(2, 8)) tokens.delete(one);
    for (const one of all.slice(10)) tokens.add(one);
    expect(tokens.inOrder().map(({ name }) => name)).toEqual([0, 1, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect(tokens.inOrder(({ name }) => name % 9 === 0).map(({ name }) => name)).toEqual([0, 9, 18]);
  });
});
