/** A message of a stream, as it was seen. */
export interface Seen {
  readonly sequence: number;
  readonly subject: string;
  readonly data: Uint8Array;
}

/**
 * The newest message that was seen of a stream. When the stream has another one in its place later, or ends before it, it was
 * rolled back: by a power cut, or by a back-up that was put back.
 */
export class Witness {
  #newest: Seen | undefined;
  /** The newest of the time before a doubt: what came since may be of the stream after its roll-back. */
  #doubted: Seen | undefined;

  /** The message to look for; undefined before the first. */
  get message(): Seen | undefined {
    return this.#doubted ?? this.#newest;
  }

  saw(message: Seen): void {
    if (!this.#newest || message.sequence > this.#newest.sequence) this.#newest = message;
  }

  /** What comes from here on says nothing of what was seen so far. */
  doubt(): void {
    this.#doubted ??= this.#newest;
  }

  /** The message was looked for: it is in its place, or gone by its age. */
  trust(message: Seen): void {
    if (this.#doubted === message) this.#doubted = undefined;
  }

  /** The history is another one: its sequences begin anew. */
  forget(): void {
    this.#newest = undefined;
    this.#doubted = undefined;
  }
}
