const LOOPBACK = "loopback";

/** Which pages may connect. Rules WebSocket upgrades and CORS alike. */
export class Origins {
  readonly #allowed: ReadonlySet<string>;
  readonly #loopback: boolean;

  /** `allowed`: origins like `https://example.org`, or `*`, or `loopback` (any port of localhost, 127.0.0.1, [::1]). */
  constructor(allowed: readonly string[]) {
    const names = allowed.map((origin) => origin.toLowerCase());
    this.#allowed = new Set(names.filter((name) => name !== LOOPBACK));
    this.#loopback = names.includes(LOOPBACK);
  }

  /** Whether a request with this Origin header may go on. Programs that are no browser send none: they need a token anyway. */
  allows(origin: string | undefined): boolean {
    if (origin === undefined || this.#allowed.has("*") || this.#allowed.has(origin.toLowerCase())) return true;
    return this.#loopback && isLoopback(origin);
  }
}

function isLoopback(origin: string): boolean {
  if (!URL.canParse(origin)) return false;
  const { hostname } = new URL(origin);
  return hostname === "localhost" || hostname === "127.0.0.1" || hostname === "[::1]";
}
