import { SignJWT } from "jose";
import { z } from "zod";
import { userIdFault } from "../../../lib/channel/userToken.js";
import type { Clock } from "../../../lib/clock.js";
import { RpcError } from "../../../lib/errors/rpcError.js";

const LIFE_MS = 3_600_000;
const schema = z.strictObject({ user: z.string() });

/** Gives a token to whoever asks: for `halley dev` only, where there is no backend that signs users in. */
export class DevTokens {
  readonly #secret: Uint8Array;
  readonly #clock: Clock;

  constructor(secret: string, clock: Clock) {
    this.#secret = new TextEncoder().encode(secret);
    this.#clock = clock;
  }

  /** `{"user":"ada"}` -> `{"token":"…","expiresAt":"…"}`. Throws INVALID_REQUEST. */
  async issue(body: Buffer): Promise<string> {
    const user = readUser(body);
    const expiresAt = new Date(this.#clock.nowMs() + LIFE_MS);
    const token = await new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setSubject(user).setIssuedAt().setExpirationTime(expiresAt).sign(this.#secret);
    return JSON.stringify({ token, expiresAt: expiresAt.toISOString() });
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
