import { type Clock } from "./clock.js";
import { HalleyError } from "./errors.js";

/** A token (JWT), or what fetches one: it is called for the first connection, before a token expires and after it did. */
export type TokenProvider = string | (() => string | Promise<string>);

/** What a backend that is away answers ("Bad Gateway") is no token: the connector would refuse it for good. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]*$/;
/** A provider that has not answered by then has failed. */
const PROVIDER_LIMIT_MS = 15_000;
/** Refresh after this part of the token's life: the rest is for retries. */
const REFRESH_AT = 0.8;
/** A token that seems to live shorter by the clock here is taken for a wrong clock, not refreshed without end. */
const LEAST_LIFE_MS = 30_000;
/** Timers of browsers overflow past 24.8 days. */
const LONGEST_TIMER_MS = 24 * 3_600_000;

interface Claims {
  readonly sub?: unknown;
  readonly exp?: unknown;
  readonly iat?: unknown;
}

/** Keeps the present token and gets the next one. */
export class TokenSource {
  readonly #provider: TokenProvider;
  readonly #clock: Clock;
  #current: string | undefined;
  #receivedMs = 0;

  constructor(provider: TokenProvider, clock: Clock) {
    this.#provider = provider;
    this.#clock = clock;
  }

  /** Whether another token than the present one can be had. */
  get renewable(): boolean {
    return typeof this.#provider === "function";
  }

  /** The present token; empty before the first one. */
  get present(): string {
    return this.#current ?? "";
  }

  /**
   * The present token, or a new one where there is none or it is due; where that can't be had, the present one serves as long
   * as it lives. Rejects with TOKEN_UNAVAILABLE.
   */
  async get(): Promise<string> {
    const due = this.refreshInMs();
    if (this.#current !== undefined && (due === undefined || due > 0)) return this.#current;
    try {
      return await this.renew();
    } catch (fault) {
      if (this.#current !== undefined && this.#lifeLeftMs(this.#current, 1) > 0) return this.#current;
      throw fault;
    }
  }

  /** A new token from the provider; the given string where there is no provider. Rejects with TOKEN_UNAVAILABLE. */
  async renew(): Promise<string> {
    const token = typeof this.#provider === "string" ? this.#provider : await this.#ask(this.#provider);
    this.#current = token;
    this.#receivedMs = this.#clock.nowMs();
    return token;
  }

  /** Forgets the present token: the connector said that it has expired. */
  forget(): void {
    this.#current = undefined;
  }

  /**
   * When to refresh, in milliseconds from now (0: now); undefined: never, as it does not expire or can't be renewed.
   * Measured from when the token came where it says when it was issued, so that a wrong clock here does no harm.
   */
  refreshInMs(): number | undefined {
    if (!this.renewable || this.#current === undefined) return undefined;
    const dueInMs = this.#lifeLeftMs(this.#current, REFRESH_AT);
    return dueInMs === Infinity ? undefined : Math.min(Math.max(dueInMs, 0), LONGEST_TIMER_MS);
  }

  /** How long it takes until this part of the token's life is over. */
  #lifeLeftMs(token: string, part: number): number {
    const { exp, iat } = claimsOf(token);
    if (typeof exp !== "number") return Infinity;
    const lifeMs = typeof iat === "number" ? sureLifeMs(iat, exp) : Math.max(exp * 1_000 - this.#receivedMs, LEAST_LIFE_MS);
    return this.#receivedMs + lifeMs * part - this.#clock.nowMs();
  }

  #ask(provider: () => string | Promise<string>): Promise<string> {
    return new Promise((resolve, reject) => {
      const fail = (message: string, cause?: unknown): void => {
        timer.cancel();
        reject(HalleyError.local("UNAVAILABLE", "TOKEN_UNAVAILABLE", message, { retryable: true, cause }));
      };
      const timer = this.#clock.after(PROVIDER_LIMIT_MS, () => fail("the token provider did not answer within 15 s"));
      Promise.resolve()
        .then(provider)
        .then(
          (given: unknown) => {
            const token = typeof given === "string" ? given.trim() : "";
            if (!JWT.test(token)) {
              fail("the token provider gave something that is no JWT");
              return;
            }
            timer.cancel();
            resolve(token);
          },
          (cause: unknown) => fail("the token provider failed", cause),
        );
    });
  }
}

/** The user id that a token claims, for choosing names; only the connector can tell whether the token is true. */
export function userOf(token: string): string | undefined {
  const { sub } = claimsOf(token);
  return typeof sub === "string" ? sub : undefined;
}

/** Both are whole seconds, rounded down: up to one of them has passed already when the token is issued. */
function sureLifeMs(iat: number, exp: number): number {
  return Math.max(exp - iat - 1, 1) * 1_000;
}

function claimsOf(token: string): Claims {
  try {
    const binary = atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/"));
    const text = new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0)));
    const claims: unknown = JSON.parse(text);
    return typeof claims === "object" && claims !== null ? claims : {};
  } catch {
    return {};
  }
}
