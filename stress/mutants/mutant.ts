/** A deliberate fault in the code: shows that a scenario can fail. */
export interface Mutant {
  /** Says what is wrong then. Unique. */
  readonly name: string;
  /** From the project's root. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly find: string;
  readonly replace: string;
  /** The names (or parts of them) of scenarios of which one at least must fail. */
  readonly caughtBy: readonly string[];
  /** How often they may run until one does: faults that need luck. */
  readonly tries?: number;
}
