import { z } from "zod";
import { userIdFault } from "../../../lib/channel/userToken.js";
import type { Clock } from "../../../lib/clock.js";
import { RpcError } from "../../../lib/errors/rpcError.js";
import { signToken } from "../../../lib/signToken.js";

const LIFE_MS = 3_600_000;
const schema = z.strictObject({ user: z.string() });

/** Gives a token to whoever asks: for `halley dev` only, where there is no backend that signs users in. */
export class DevTokens {
  readonly #secret: string;
  readonly #clock: Clock;

  constructor(secret: string, clock: Clock) {
    this.#secret = secret;
    this.#clock = clock;
  }

  /** `{"user":"ada"}` -> `{"token":"…","expiresAt":"…"}`. Throws INVALID_REQUEST. */
  async issue(body: Buffer): Promise<string> {
    const { token, expiresAtMs } = await signToken(this.#secret, { userId: readUser(body), nowMs: this.#clock.nowMs(), lifetimeMs: LIFE_MS });
    return JSON.stringify({ token, expiresAt: new Date(expiresAtMs).toISOString() });
  }
}

function readUser(body: Buffer): string {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    value = undefined;
  }
  const parsed = schema.safeParse(value);
  const fault = parsed.success ? userIdFault(parsed.data.user) : 'the body must be {"user":"<id>"}';
  if (!parsed.success || fault !== undefined) throw RpcError.invalid([{ field: "user", description: fault ?? "is missing" }]);
  return parsed.data.user;
}
