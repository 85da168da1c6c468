import type { Subscription } from "nats";

/** Done, and nobody waits for it. */
const SETTLED: object = Object.assign(Promise.resolve(), { resolve: () => undefined, reject: () => undefined });

/** What `nats` keeps for those who iterate over a subscription, or wait for its end: a promise with its functions each. */
const UNUSED = ["signal", "iterClosed", "closed"] as const;

/**
 * Gives back the memory of a subscription that has a callback and that nobody waits for: 0.7 KB of the 1 KB that it takes,
 * and a connector has as many of them as users. A release of `nats` that keeps these things elsewhere loses nothing by it.
 */
export function slimSubscription(subscription: Subscription): void {
  const fields = subscription as unknown as Record<string, unknown>;
  for (const name of UNUSED) if (fields[name] instanceof Promise) fields[name] = SETTLED;
}
