import type { Publish } from "../../../gen/halley/v1/client.js";
import { RpcError } from "../../../lib/errors/rpcError.js";
import type { ServerFrame } from "../protocol/serverFrame.js";
import type { BrowserPublisher } from "./browserPublisher.js";
import type { ChannelMembers } from "./memberQuery.js";
import type { Permissions } from "./permissions.js";
import type { TokenVerifier } from "./token.js";

/** What answering needs. */
interface RequestsParts {
  readonly permissions: Permissions;
  readonly publisher: BrowserPublisher;
  readonly tokens: TokenVerifier;
  readonly queryMembers: (channel: string) => Promise<ChannelMembers>;
}

/** Answers the frames that are the same on every transport. Rejects with the refusal. */
export class Requests {
  readonly #parts: RequestsParts;

  constructor(parts: RequestsParts) {
    this.#parts = parts;
  }

  async publish(id: number, userId: string, request: Publish): Promise<ServerFrame> {
    const { position, duplicate } = await this.#parts.publisher.publish(userId, request);
    return { kind: "published", id, position, duplicate };
  }

  async members(id: number, userId: string, channel: string): Promise<ServerFrame> {
    this.#parts.permissions.toListMembers(userId, channel);
    const { users, sessions } = await this.#parts.queryMembers(channel);
    return { kind: "members", id, users, sessions };
  }

  /** Also gives until when the session is signed in now, milliseconds since 1970. */
  async refresh(id: number, userId: string, token: string): Promise<{ frame: ServerFrame; expiresAtMs: number | undefined }> {
    const identity = await this.#parts.tokens.verify(token);
    if (identity.userId !== userId) throw new RpcError("TOKEN_OF_ANOTHER_USER", "the new token is another user's");
    const { expiresAtMs } = identity;
    return { frame: { kind: "refreshed", id, expiresAtMs }, expiresAtMs };
  }
}
