/** How many sessions of this connector are subscribed to each channel; tells a listener of every change. */
export class SubscriberCounts {
  readonly #counts = new Map<string, number>();
  readonly #onChange: (channel: string, sessions: number) => void;

  constructor(onChange: (channel: string, sessions: number) => void) {
    this.#onChange = onChange;
  }

  /** One more. */
  add(channel: string): void {
    this.#set(channel, (this.#counts.get(channel) ?? 0) + 1);
  }

  /** One less. */
  remove(channel: string): void {
    this.#set(channel, (this.#counts.get(channel) ?? 1) - 1);
  }

  #set(channel: string, sessions: number): void {
    if (sessions === 0) this.#counts.delete(channel);
    else this.#counts.set(channel, sessions);
    this.#onChange(channel, sessions);
  }
}
