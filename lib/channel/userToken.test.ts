import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { channelFault, inboxOf, inboxOwner } from "./channelName.js";
import { decodeUserToken, encodeUserToken, userIdFault } from "./userToken.js";

const anyUserId = fc.string({ unit: "binary", minLength: 1, maxLength: 32 }).filter((id) => userIdFault(id) === undefined);

describe("user token", () => {
  it.each([
    ["42", "42"],
    ["a_b-C", "a_b-C"],
    ["a.b", "=YS5i"],
    ["ada@example.org", "=YWRhQGV4YW1wbGUub3Jn"],
    ["=x", "=PXg"],
    ["*", "=Kg"],
  ])("of %s is %s", (userId, token) => {
    expect([encodeUserToken(userId), decodeUserToken(token)]).toEqual([token, userId]);
  });

  it("is one for each user, and one user for each token", () => {
    fc.assert(
      fc.property(anyUserId, (userId) => {
        const token = encodeUserToken(userId);
        expect(decodeUserToken(token)).toBe(userId);
        expect(channelFault(inboxOf(userId))).toBeUndefined();
        expect(inboxOwner(inboxOf(userId))).toBe(userId);
      }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string().map((text) => `=${text}`), fc.base64String().map((text) => `=${text}`)), (token) => {
        const userId = decodeUserToken(token);
        if (userId !== undefined) expect(encodeUserToken(userId)).toBe(token);
      }),
    );
  });

  it.each(["", "=", "=NDI", "=YS5i=", "=YS5j ", "=gA", "a.b", `=${Buffer.from("x".repeat(129)).toString("base64url")}`])("is none: %j", (token) => {
    expect(decodeUserToken(token)).toBeUndefined();
  });
});

describe("user id", () => {
  it.each(["", "x".repeat(129), "é".repeat(65), "\ud800"])("can't be %j", (userId) => {
    expect(userIdFault(userId)).toBeTypeOf("string");
  });

  it.each(["0", "x".repeat(128), "é".repeat(64), "with space", "\u0000"])("can be %j", (userId) => {
    expect(userIdFault(userId)).toBeUndefined();
  });
});
