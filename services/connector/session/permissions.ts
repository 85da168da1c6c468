import { channelFault, EVERYONE_CHANNEL, inboxOwner, namespaceOf, SYSTEM_NAMESPACE, USER_NAMESPACE } from "../../../lib/channel/channelName.js";
import type { Namespace, Namespaces } from "../../../lib/config/namespaces.js";
import { RpcError } from "../../../lib/errors/rpcError.js";

/** What users may do from a browser. Deny by default; each check gives the namespace or throws the refusal. */
export class Permissions {
  readonly #namespaces: Namespaces;

  constructor(namespaces: Namespaces) {
    this.#namespaces = namespaces;
  }

  /** INVALID_REQUEST for a name that is none, UNKNOWN_NAMESPACE, SUBSCRIBE_DENIED. */
  toSubscribe(userId: string, channel: string): Namespace {
    const namespace = this.#namespaceOf(channel);
    const allowed = namespace.subscribe === "signed-in" && (namespace.name !== USER_NAMESPACE || inboxOwner(channel) === userId);
    if (!allowed) throw new RpcError("SUBSCRIBE_DENIED", `${userId} may not subscribe to ${channel}`);
    return namespace;
  }

  /** INVALID_REQUEST for a name that is none, UNKNOWN_NAMESPACE, PUBLISH_DENIED. */
  toPublish(userId: string, channel: string): Namespace {
    const namespace = this.#namespaceOf(channel);
    const reserved = [USER_NAMESPACE, EVERYONE_CHANNEL, SYSTEM_NAMESPACE].includes(namespaceOf(channel));
    if (reserved || namespace.publish !== "signed-in") throw new RpcError("PUBLISH_DENIED", `${userId} may not publish to ${channel}`);
    return namespace;
  }

  /** As `toSubscribe`, with MEMBERS_DENIED; then PRESENCE_OFF. */
  toListMembers(userId: string, channel: string): void {
    let namespace: Namespace;
    try {
      namespace = this.toSubscribe(userId, channel);
    } catch (error) {
      const denied = error instanceof RpcError && error.reason === "SUBSCRIBE_DENIED";
      throw denied ? new RpcError("MEMBERS_DENIED", `${userId} may not see who is in ${channel}`) : error;
    }
    if (!namespace.presence) throw new RpcError("PRESENCE_OFF", `the namespace ${namespace.name} keeps no member lists`);
  }

  #namespaceOf(channel: string): Namespace {
    const fault = channelFault(channel);
    if (fault !== undefined) throw RpcError.invalid([{ field: "channel", description: fault }]);
    const namespace = this.#namespaces.ofChannel(channel);
    if (!namespace) throw new RpcError("UNKNOWN_NAMESPACE", `the namespace ${namespaceOf(channel)} is not configured`);
    return namespace;
  }
}
