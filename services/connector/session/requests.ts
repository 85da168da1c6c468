import type { Publish } from "../../../gen/halley/v1/client.js";
import type { ServerFrame } from "../protocol/serverFrame.js";
import type { BrowserPublisher } from "./browserPublisher.js";
import type { ChannelMembers } from "./memberQuery.js";
import type { Permissions } from "./permissions.js";

/** What answering needs. */
interface RequestsParts {
  readonly permissions: Permissions;
  readonly publisher: BrowserPublisher;
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
}
