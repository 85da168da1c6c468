import { webcrypto } from "node:crypto";
import { errors, jwtVerify } from "jose";
import { userIdFault } from "../../../lib/channel/userToken.js";
import { RpcError } from "../../../lib/errors/rpcError.js";

/** Who a token signs in, and for how long. */
export interface Identity {
  readonly userId: string;
  /** Whole milliseconds since 1970; undefined where the token never expires, or not before the year 10000. */
  readonly expiresAtMs: number | undefined;
}

/** Checks the JWTs that browsers bring: HS256 only, `sub` is the user id, `exp` and `nbf` are honoured. */
export class TokenVerifier {
  readonly #secret: Uint8Array;
  /** Imported once: jose imports raw bytes anew for every token. */
  #key: Promise<webcrypto.CryptoKey> | undefined;

  constructor(secret: string) {
    this.#secret = new TextEncoder().encode(secret);
  }

  /** Throws TOKEN_EXPIRED or TOKEN_REFUSED; the sentence never holds the token. */
  async verify(token: string): Promise<Identity> {
    if (token === "") throw new RpcError("TOKEN_REFUSED", "a token is needed: send the JWT that your backend made");
    try {
      const { payload } = await jwtVerify(token, await this.#importedKey(), { algorithms: ["HS256"] });
      return { userId: userIdOf(payload.sub), expiresAtMs: expiryOf(payload.exp) };
    } catch (error) {
      if (error instanceof RpcError) throw error;
      if (error instanceof errors.JWTExpired) throw new RpcError("TOKEN_EXPIRED", "the token has expired: bring a new one");
      if (error instanceof errors.JWTClaimValidationFailed) throw new RpcError("TOKEN_REFUSED", `the token's ${error.claim} is not as it must be (${error.reason})`);
      throw new RpcError("TOKEN_REFUSED", "the token is not a JWT signed with the server's secret (HS256)", { cause: error });
    }
  }

  #importedKey(): Promise<webcrypto.CryptoKey> {
    this.#key ??= webcrypto.subtle.importKey("raw", this.#secret, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    return this.#key;
  }
}

/** The `sub` of a token, which its maker may have written as anything. */
function userIdOf(sub: unknown): string {
  if (typeof sub !== "string") throw userRefused(sub === undefined ? "is missing" : 'must be a string ("42", not 42)');
  const fault = userIdFault(sub);
  if (fault !== undefined) throw userRefused(fault);
  return sub;
}

function userRefused(fault: string): RpcError {
  return new RpcError("TOKEN_REFUSED", `the token's sub, the user id, ${fault}`);
}

/** The end of the year 9999, the last that RFC 3339 can write. */
const LAST_MS = 253_402_300_799_999;

/** `exp` counts seconds and may have a fraction. */
function expiryOf(exp: number | undefined): number | undefined {
  const ms = Math.floor((exp ?? Infinity) * 1_000);
  return ms <= LAST_MS ? ms : undefined;
}
