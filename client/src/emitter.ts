/** Calls the listeners of named events. A listener that throws is reported and stops nobody else. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();
  readonly #report: (fault: unknown) => void;

  constructor(report: (fault: unknown) => void) {
    this.#report = report;
  }

  /** Adds a listener; the answer removes it again. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => { listeners.delete(listener); };
  }

  /** Calls the listeners in the order in which they came. Returns how many there were. */
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): number {
    const listeners = [...(this.#listeners.get(name) ?? [])] as ((event: Events[Name]) => void)[];
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (fault) {
        this.#report(fault);
      }
    }
    return listeners.length;
  }
}
