import { type Clock, type Timer } from "./clock.js";
import { HalleyError } from "./errors.js";
import { type Requests } from "./requests.js";
import { type TokenSource } from "./token.js";

/** A refresh that failed is tried again after this long, until the connector ends the session. */
const RETRY_MS = 10_000;

interface Deps {
  readonly clock: Clock;
  readonly tokens: TokenSource;
  readonly requests: Requests;
  /** Told why a refresh failed; it is tried again. */
  readonly onError: (error: HalleyError) => void;
}

/** Brings a new token on the living connection before the present one expires. */
export class TokenRefresh {
  readonly #deps: Deps;
  #timer: Timer | undefined;
  #generation = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Begins for the present connection. */
  start(): void {
    this.stop();
    this.#schedule(this.#deps.tokens.refreshInMs());
  }

  /** The connection is over. */
  stop(): void {
    this.#generation += 1;
    this.#timer?.cancel();
  }

  #schedule(inMs: number | undefined): void {
    if (inMs === undefined) return;
    this.#timer = this.#deps.clock.after(inMs, () => void this.#refresh());
  }

  async #refresh(): Promise<void> {
    const { tokens, requests, onError } = this.#deps;
    const stillMs = tokens.refreshInMs();
    // The longest timer is shorter than the life of some tokens.
    if (stillMs === undefined || stillMs > 0) {
      this.#schedule(stillMs);
      return;
    }
    const generation = this.#generation;
    const failed = (error: HalleyError): void => {
      if (generation !== this.#generation) return;
      onError(error);
      this.#schedule(RETRY_MS);
    };
    try {
      const token = await tokens.renew();
      if (generation !== this.#generation) return;
      requests.ask({ refresh: { token } }, (outcome) => {
        if ("error" in outcome) failed(outcome.error);
        else this.#schedule(tokens.refreshInMs());
      });
    } catch (fault) {
      failed(fault instanceof HalleyError ? fault : HalleyError.connectionLost());
    }
  }
}
