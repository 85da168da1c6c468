/** Whether a client has gone, and who is to be told. An AbortSignal would do; making, listening to and aborting one for each poll was seen in the profile. */
export class Departure {
  #hasLeft = false;
  #tell: (() => void) | undefined;

  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** `tell` is called when the client goes; in place of who was to be told before. */
  onLeave(tell: (() => void) | undefined): void {
    this.#tell = tell;
  }

  /** The client has gone. */
  leave(): void {
    this.#hasLeft = true;
    this.#tell?.();
  }
}
