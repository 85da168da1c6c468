import type { PublishRequest } from "../../gen/halley/v1/publish.js";
import { channelFault, EVERYONE_CHANNEL, inboxOf, SYSTEM_NAMESPACE } from "../../lib/channel/channelName.js";
import { userIdFault } from "../../lib/channel/userToken.js";
import type { Namespace, Namespaces } from "../../lib/config/namespaces.js";
import { RpcError, type Violation } from "../../lib/errors/rpcError.js";

/** Where a message goes. */
export interface Target {
  readonly channel: string;
  readonly namespace: Namespace;
}

/**
 * The channel that a request's target names. Adds to `violations` and gives undefined where it names none; throws
 * UNKNOWN_NAMESPACE or PUBLISH_DENIED where the channel is none to publish to.
 */
export function readTarget(target: PublishRequest["target"], path: string, namespaces: Namespaces, violations: Violation[]): Target | undefined {
  switch (target?.$case) {
    case undefined:
      violations.push({ field: `${path}target`, description: "is missing: set channel, user_id or everyone" });
      return undefined;
    case "channel": {
      const fault = channelFault(target.value);
      if (fault === undefined) return targetOf(target.value, namespaces);
      violations.push({ field: `${path}channel`, description: fault });
      return undefined;
    }
    case "userId": {
      const fault = userIdFault(target.value);
      if (fault === undefined) return targetOf(inboxOf(target.value), namespaces);
      violations.push({ field: `${path}user_id`, description: fault });
      return undefined;
    }
    case "everyone":
      if (target.value) return targetOf(EVERYONE_CHANNEL, namespaces);
      violations.push({ field: `${path}everyone`, description: "must be true" });
      return undefined;
  }
}

function targetOf(channel: string, namespaces: Namespaces): Target {
  const namespace = namespaces.ofChannel(channel);
  if (!namespace) {
    throw new RpcError("UNKNOWN_NAMESPACE", `'${channel.split(".")[0] ?? ""}' is not a configured namespace: add it to halley.yaml`);
  }
  if (namespace.name === SYSTEM_NAMESPACE) throw new RpcError("PUBLISH_DENIED", `'${channel}' is where Halley speaks of itself: nobody else publishes there`);
  return { channel, namespace };
}
