import { RpcError } from "../errors/rpcError.js";
import { Secret } from "../secret.js";

const BEARER = /^bearer +(.+)$/i;

/** The keys that backends sign their calls with. */
export class ApiKeys {
  readonly #keys: readonly Secret[];

  /** `keys` must not be empty. */
  constructor(keys: readonly string[]) {
    if (keys.length === 0) throw new Error("a server without API keys would serve nobody: set HALLEY_API_KEYS");
    this.#keys = keys.map((key) => new Secret(key));
  }

  /** Throws API_KEY_REFUSED unless the `authorization` metadata is `Bearer <one of the keys>`. Takes the same time for any wrong key. */
  check(authorization: string | undefined): void {
    const given = new Secret(BEARER.exec(authorization ?? "")?.[1] ?? "");
    // All of them are compared, so that the time doesn't tell which one was right.
    const matches = this.#keys.filter((key) => key.equals(given)).length;
    if (matches === 0) {
      throw new RpcError("API_KEY_REFUSED", "send the metadata 'authorization: Bearer <API key>' with a key that the server knows");
    }
  }
}
