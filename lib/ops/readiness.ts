/** Says why something is not ready, in a clause for an operator; undefined when it is. Must not block. */
export type ReadinessCheck = () => string | undefined;

/** Whether a service can do its work: all of its checks pass, and it is not draining. */
export class Readiness {
  readonly #checks = new Map<string, ReadinessCheck>();
  #draining = false;

  /** Adds a check under a name; a second one of that name replaces the first. */
  add(name: string, check: ReadinessCheck): void {
    this.#checks.set(name, check);
  }

  /** Not ready from now on, for ever. */
  drain(): void {
    this.#draining = true;
  }

  /** Why it is not ready, `<name>: <clause>` each; empty when it is. */
  reasons(): string[] {
    const reasons = this.#draining ? ["draining"] : [];
    for (const [name, check] of this.#checks) {
      const reason = check();
      if (reason !== undefined) reasons.push(`${name}: ${reason}`);
    }
    return reasons;
  }
}
