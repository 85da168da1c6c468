import type { ClientState } from "../clients/state.js";

/** Somebody who listens, and is held against what was acknowledged. */
export interface Participant {
  readonly state: ClientState;
  /** Goes for ever; with a goodbye, or without a word. */
  stop(withGoodbye?: boolean): Promise<void>;
}
