import { describe, expect, it } from "vitest";
import { parseNamespaces, withNamespaces } from "../../../lib/config/namespaces.js";
import { RpcError } from "../../../lib/errors/rpcError.js";
import { Permissions } from "./permissions.js";

const namespaces = parseNamespaces(
  {
    namespaces: {
      chat: { subscribe: "signed-in", publish: "signed-in", presence: true },
      news: { subscribe: "signed-in" },
      drop: { publish: "signed-in", presence: true },
      closed: {},
      // Whatever is configured, inboxes and everyone are not published to from browsers.
      user: { subscribe: "signed-in", publish: "signed-in" },
      all: { subscribe: "signed-in", publish: "signed-in" },
    },
  },
  "test",
);
const permissions = new Permissions(namespaces);
const outcome = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof RpcError) return error.reason;
    throw error;
  }
  return "allowed";
};

describe("permissions of the user a.b", () => {
  const user = "a.b";

  it.each([
    ["chat.x", "allowed", "allowed", "allowed"],
    ["chat", "allowed", "allowed", "allowed"],
    ["news.x", "allowed", "PUBLISH_DENIED", "PRESENCE_OFF"],
    ["drop.x", "SUBSCRIBE_DENIED", "allowed", "MEMBERS_DENIED"],
    ["closed.x", "SUBSCRIBE_DENIED", "PUBLISH_DENIED", "MEMBERS_DENIED"],
    ["user.=YS5i", "allowed", "PUBLISH_DENIED", "PRESENCE_OFF"],
    ["user.42", "SUBSCRIBE_DENIED", "PUBLISH_DENIED", "MEMBERS_DENIED"],
    ["all", "allowed", "PUBLISH_DENIED", "PRESENCE_OFF"],
    ["all.x", "allowed", "PUBLISH_DENIED", "PRESENCE_OFF"],
    ["sys.stats", "SUBSCRIBE_DENIED", "PUBLISH_DENIED", "MEMBERS_DENIED"],
    ["other.x", "UNKNOWN_NAMESPACE", "UNKNOWN_NAMESPACE", "UNKNOWN_NAMESPACE"],
    ["chat.*", "INVALID_REQUEST", "INVALID_REQUEST", "INVALID_REQUEST"],
    ["chat.>", "INVALID_REQUEST", "INVALID_REQUEST", "INVALID_REQUEST"],
    ["chat.$tick", "INVALID_REQUEST", "INVALID_REQUEST", "INVALID_REQUEST"],
    ["", "INVALID_REQUEST", "INVALID_REQUEST", "INVALID_REQUEST"],
  ])("%s: subscribe %s, publish %s, members %s", (channel, subscribe, publish, members) => {
    expect(outcome(() => permissions.toSubscribe(user, channel))).toBe(subscribe);
    expect(outcome(() => permissions.toPublish(user, channel))).toBe(publish);
    expect(outcome(() => { permissions.toListMembers(user, channel); })).toBe(members);
  });

  it("lets the statistics be read where the system namespace is opened", () => {
    const opened = withNamespaces(namespaces, [{ ...namespaces.byName("sys")!, subscribe: "signed-in" }]);
    expect(new Permissions(opened).toSubscribe(user, "sys.stats").name).toBe("sys");
    expect(outcome(() => new Permissions(opened).toPublish(user, "sys.stats"))).toBe("PUBLISH_DENIED");
  });
});
