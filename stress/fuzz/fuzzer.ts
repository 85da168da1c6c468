import type { Random } from "../random.js";
import type { FuzzTarget } from "./target.js";

/** What became of some inputs. */
export interface BatchOutcome {
  readonly inputs: number;
  /** What was wrong with the answers. */
  readonly faults: readonly string[];
}

/** Sends some inputs, made of random numbers only, and judges the answers. Never throws for what the target does. */
export type Fuzzer = (random: Random, target: FuzzTarget) => Promise<BatchOutcome>;
