import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { channelFault, inboxOwner, namespaceFault, namespaceOf } from "./channelName.js";

describe("channel name", () => {
  it.each(["chat", "chat.lobby", "chat.room.42", "a-b_c9.Ünï.côde", "chat.日本", `c.${"x".repeat(253)}`, "user.42", "user.=YS5i", "all", "sys.stats", "chat.a$b"])("can be %s", (channel) => {
    expect(channelFault(channel)).toBeUndefined();
  });

  it.each([
    "", ".", "chat.", ".chat", "chat..x", "chat.a b", "chat.*", "chat.>", "chat.a*b", "chat.\n", "chat.\u0000", "chat.\u00a0", "chat.\u200b", "chat.\u2028", "chat.\ud800", "chat.\u0085",
    "Chat.x", "1chat", "-chat", "$sys", "chat.$tick", `c.${"x".repeat(254)}`, `c.${"é".repeat(127)}`, "user", "user.", "user.a.b", "user.=NDI", "user.a b",
  ])("can't be %j", (channel) => {
    expect(channelFault(channel)).toBeTypeOf("string");
  });

  it("never holds what NATS gives a meaning", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.string().map((text) => `chat.${text}`)), (channel) => {
        if (channelFault(channel) !== undefined) return;
        expect(Buffer.byteLength(channel)).toBeLessThanOrEqual(255);
        for (const token of channel.split(".")) expect(token).toMatch(/^[^\s*>$][^\s*>]*$/u);
        expect(namespaceFault(namespaceOf(channel))).toBeUndefined();
      }),
    );
  });

  it("names the owner of an inbox, and nobody for others", () => {
    expect(["user.42", "user.=YS5i", "chat.42", "userx.42", "all"].map(inboxOwner)).toEqual(["42", "a.b", undefined, undefined, undefined]);
  });
});
